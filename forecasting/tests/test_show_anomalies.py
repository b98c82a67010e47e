"""The list of anomalies with its drawer, and what people say of them."""

import pytest

from accounts.models import AuditEntry
from forecasting import feedback
from forecasting.models import Adjustment
from forecasting.tests.rows import a_resource, a_track, a_watch, an_anomaly, samples
from monitoring.store import writer
from monitoring.store.batch import Batch

pytestmark = pytest.mark.django_db


@pytest.fixture
def odd(db):
    track = a_track()
    samples(track)
    return an_anomaly(track)


def test_the_worst_stands_first_with_value_and_usual(seen, odd):
    an_anomaly(a_track("web-1"), 0.7)
    page = seen("/anomalies/")
    assert page.index("db-1") < page.index("web-1")
    assert "97\u00a0%, usual 80–91\u00a0%" in page
    assert "Above its range" in page
    assert 'class="usual"' in page


def test_what_is_below_the_limit_waits_behind_a_link(seen, odd):
    an_anomaly(a_track("web-1"), 0.4)
    page = seen("/anomalies/")
    assert "web-1" not in page
    assert "Below the limit of 60, 1 more" in page
    assert "?least=30" in page
    assert "web-1" in seen("/anomalies/?least=30")


def test_facets_words_and_the_range_filter(seen, odd):
    an_anomaly(a_track("ams-1", resource=a_resource("ams-1", "vm", site="ams")), ended_at=odd.started_at, feedback="noise")
    an_anomaly(a_track("old-1"), minutes=60 * 30, ended_at=odd.started_at - (odd.started_at - odd.started_at))
    for query, there in (
        ("state=open", False), ("state=ended", True), ("site=ams", True), ("site=fra", False), ("kind=vm", True), ("feedback=noise", True),
        ("feedback=none", False), ("q=ams", True), ("q=nothing", False), ("reason=Spike", False),
    ):  # fmt: skip
        assert ('data-anomaly="' in seen(f"/anomalies/?{query}") and "ams-1" in seen(f"/anomalies/?{query}")) is there, query


@pytest.mark.parametrize("query", ["state=odd", "least=lots", "least=101", "range=ever"])
def test_what_cannot_be_asked_is_refused(seen, query):
    seen(f"/anomalies/?{query}", 400)


def test_an_empty_installation_says_what_comes_next(seen):
    assert "No anomaly yet" in seen("/anomalies/")


def test_the_drawer_says_why_and_what_else_was_unusual(seen, odd):
    other = an_anomaly(a_track("db-1", a_watch("load", name="Load"), resource=odd.track.resource), 0.8, minutes=43)
    page = seen(f"/anomalies/?open={odd.pk}")
    assert "with-drawer" in page
    assert "Why score 97" in page
    assert "the range it has ever been in" in page
    assert f"open={other.pk}" in page
    assert "3\u00a0min after" in page
    seen("/anomalies/?open=999", 404)
    seen("/anomalies/?open=x", 404)


def test_its_own_address_opens_it_where_it_happened(client_of, viewer, odd):
    answer = client_of(viewer).get(f"/anomalies/{odd.pk}/", follow=True)
    assert f'data-anomaly="{odd.pk}"' in answer.content.decode()


def test_its_chart_has_the_usual_band_and_a_ribbon(client_of, viewer, odd):
    spec = client_of(viewer).get(f"/anomalies/{odd.pk}/chart.json").json()
    assert len(spec["t"]) == len(spec["anomaly"]) == len(spec["expected"]["lo"])
    assert max(spec["anomaly"]) == 0.97
    assert spec["expected"]["lo"][0] == 80


def test_the_ribbon_shows_the_scores_that_were_written(client_of, viewer, odd):
    at = int(odd.started_at.timestamp() * 1000)
    writer.write(Batch.of([(f"{odd.track.metric}:anomaly", odd.track.labels, at, 0.8)], odd.track.resource_id))
    assert max(client_of(viewer).get(f"/anomalies/{odd.pk}/chart.json").json()["anomaly"]) == 0.8


# -- feedback --------------------------------------------------------------------------------------------------------------
def test_feedback_moves_the_watch_a_little_and_is_audited(operator, client_of, odd):
    client, address = client_of(operator), f"/anomalies/{odd.pk}/rate/"
    assert client.post(address, {"feedback": "noise", "back": "least=30"})["Location"] == "/anomalies/?least=30"
    odd.refresh_from_db()
    odd.track.watch.refresh_from_db()
    assert (odd.feedback, odd.feedback_by, odd.track.watch.sensitivity) == ("noise", operator, 0.9)
    assert client.post(address, {"feedback": "useful"}, headers={"Accept": "application/json"}).status_code == 204
    odd.track.watch.refresh_from_db()
    assert odd.track.watch.sensitivity == pytest.approx(1.05)
    client.post(address, {"feedback": ""})
    odd.track.watch.refresh_from_db()
    assert odd.track.watch.sensitivity == pytest.approx(1)
    assert Adjustment.objects.filter(reverted_at=None).count() == 0
    assert AuditEntry.objects.filter(action="anomaly.feedback").count() == 3


def test_a_move_is_taken_back_once(operator, odd):
    feedback.give(odd, "noise", operator)
    move = Adjustment.objects.get()
    feedback.revert(move, operator)
    with pytest.raises(feedback.NotAdjustable, match="taken back already"):
        feedback.revert(move, operator)
    odd.track.watch.refresh_from_db()
    assert odd.track.watch.sensitivity == 1


def test_sensitivity_stays_within_its_bounds(operator):
    watch = a_watch(sensitivity=0.26)
    for n in range(4):
        feedback.give(an_anomaly(a_track(f"web-{n}", watch)), "noise", operator)
    watch.refresh_from_db()
    assert watch.sensitivity == 0.25


def test_feedback_that_is_not_known_is_refused(operator, client_of, odd):
    assert client_of(operator).post(f"/anomalies/{odd.pk}/rate/", {"feedback": "great"}).status_code == 400
    assert client_of(operator).post("/anomalies/999/rate/", {"feedback": "noise"}).status_code == 404


# -- who may ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_every_role_reads(request, role, client_of, odd):
    client = client_of(request.getfixturevalue(role))
    for address in ("/anomalies/", f"/anomalies/?open={odd.pk}", f"/anomalies/{odd.pk}/chart.json"):
        assert client.get(address).status_code == 200


def test_viewers_and_strangers_rate_nothing(viewer, stranger, client_of, odd):
    address = f"/anomalies/{odd.pk}/rate/"
    assert client_of(viewer).post(address, {"feedback": "noise"}).status_code == 403
    assert client_of(stranger).post(address, {"feedback": "noise"}).status_code == 302
    assert 'value="noise"' not in client_of(viewer).get("/anomalies/").content.decode().split("facets")[-1]
    for page in ("/anomalies/", f"/anomalies/{odd.pk}/", f"/anomalies/{odd.pk}/chart.json"):
        assert client_of(stranger).get(page).status_code == 302
    odd.refresh_from_db()
    assert odd.feedback == ""
