import pytest

from accounts.models import AuditEntry
from forecasting import feedback
from forecasting.feedback import NotAdjustable
from forecasting.models import LEAST_SENSITIVE, MOST_SENSITIVE, Adjustment, Anomaly, Track, Watch
from forecasting.tests.conftest import at

pytestmark = pytest.mark.django_db


@pytest.fixture
def anomaly(watch, now) -> Anomaly:
    track = Track.objects.create(watch=watch(), key="k", vm="a", series="load_percent", metric="load_percent")
    moment = at(now)
    return Anomaly.objects.create(track=track, started_at=moment, peak_at=moment, seen_at=moment, score=0.9, reason="Spike", value=9)


def sensitivity() -> float:
    return Watch.objects.get().sensitivity


def test_noise_makes_a_watch_less_sensitive_and_useful_more(anomaly, operator) -> None:
    feedback.give(anomaly, "noise", operator)
    assert sensitivity() == pytest.approx(0.9)
    feedback.give(anomaly, "useful", operator)  # instead, not on top
    assert sensitivity() == pytest.approx(1.05)
    anomaly.refresh_from_db()
    assert (anomaly.feedback, anomaly.feedback_by) == ("useful", operator)


def test_the_same_word_again_changes_nothing(anomaly, operator) -> None:
    feedback.give(anomaly, "expected", operator)
    assert feedback.give(anomaly, "expected", operator) is None
    assert Adjustment.objects.count() == 1


def test_it_is_audited_and_taken_back(anomaly, operator, admin) -> None:
    made = feedback.give(anomaly, "noise", operator)
    feedback.revert(made, admin)
    assert sensitivity() == pytest.approx(1.0)
    made.refresh_from_db()
    assert made.reverted_by == "admin"
    assert [one.action for one in AuditEntry.objects.filter(action__contains="a").order_by("id")][-2:] == [
        "anomaly.feedback",
        "watch.adjustment_reverted",
    ]
    with pytest.raises(NotAdjustable, match="already"):
        feedback.revert(made, admin)


@pytest.mark.parametrize(("word", "bound"), [("noise", LEAST_SENSITIVE), ("useful", MOST_SENSITIVE)])
def test_it_stays_within_bounds(anomaly, operator, word, bound) -> None:
    Watch.objects.update(sensitivity=bound)
    assert feedback.give(anomaly, word, operator) is None
    assert sensitivity() == bound
    anomaly.refresh_from_db()
    assert anomaly.feedback == word


def test_an_unknown_word_is_refused(anomaly, operator) -> None:
    with pytest.raises(NotAdjustable, match="expected, useful or noise"):
        feedback.give(anomaly, "lovely", operator)
