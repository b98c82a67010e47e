"""The list of forecasts and the page of one: what they say, to whom, and what they refuse."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.utils import timezone

from accounts.models import AuditEntry
from forecasting import asking_what_if, kept, runs
from forecasting.models import Prediction, Track
from forecasting.tests.rows import a_case, a_forecast, a_model, a_track, a_watch, samples

pytestmark = pytest.mark.django_db


@pytest.fixture
def filling(db):
    track = a_track()
    samples(track)
    a_forecast(track)
    return track


def test_the_most_urgent_stands_first_with_its_interval(seen, filling):
    sooner = a_track("db-2")
    a_forecast(sooner, hours=20)
    page = seen("/forecasts/")
    assert page.index("db-2") < page.index('title="db-1"')
    assert "in 2\u00a0d 5\u00a0h" in page
    assert "1\u00a0d 19\u00a0h – 2\u00a0d 18\u00a0h" in page
    assert "90.4\u00a0%" in page
    assert 'class="band"' in page


def test_tiles_count_what_they_open(seen, filling):
    a_forecast(a_track("db-2"), hours=20)
    a_forecast(a_track("db-3"), hours=24 * 20)
    a_case(filling)
    a_case(filling, "false")
    a_case(filling, "averted")
    page = seen("/forecasts/")
    assert "1 of 2 came true" in page
    for within, names in (("24h", ["db-2"]), ("7d", ["db-1", "db-2"]), ("30d", ["db-1", "db-2", "db-3"])):
        listed = seen(f"/forecasts/?within={within}")
        assert [name for name in ("db-1", "db-2", "db-3") if f'title="{name}"' in listed] == names


def test_what_cannot_be_foretold_is_told_with_its_reason_and_is_no_breach(seen):
    track = a_track(state=Track.State.NOT_PREDICTABLE, reason="No model does better than the same time yesterday.")
    a_forecast(track, hours=5)
    assert 'title="db-1"' not in seen("/forecasts/")
    page = seen("/forecasts/?tab=not")
    assert "No model does better than the same time yesterday." in page
    assert "Not predictable yet" in page


def test_words_and_facets_filter(seen, filling):
    other = a_track("cache-1", a_watch("memory_used_percent", name="Memory used"))
    a_forecast(other, hours=30)
    assert 'title="cache-1"' not in seen("/forecasts/?q=disk")
    assert 'title="db-1"' not in seen(f"/forecasts/?watch={other.watch_id}")
    assert "No forecast matches" in seen("/forecasts/?q=nothing")


def test_an_empty_installation_says_what_comes_next(seen):
    assert "Nothing is forecast yet" in seen("/forecasts/")


@pytest.mark.parametrize("query", ["tab=odd", "within=1y", "sort=colour"])
def test_what_cannot_be_asked_is_refused(seen, query):
    seen(f"/forecasts/?{query}", 400)


# -- one ---------------------------------------------------------------------------------------------------------------------
def test_the_page_of_one_has_rivals_versions_and_its_cases(seen, filling):
    a_model(filling, 2, active=False, fault="Prophet did not answer within 60 s.", kind="prophet")
    a_case(filling)
    page = seen(f"/forecasts/{filling.pk}/")
    for text in ("Seasonal naive", "Theta", "0.61", "Prophet did not answer within 60 s.", "It reached 95 %.", "If nothing changes"):
        assert text in page


def test_its_chart_joins_what_was_and_what_is_foreseen(client_of, viewer, filling):
    spec = client_of(viewer).get(f"/forecasts/{filling.pk}/chart.json").json()
    assert spec["limit"]["value"] == 95
    assert spec["forecast"].keys() == {"data", "lo", "hi", "lo95", "hi95"}
    assert len(spec["t"]) == len(spec["series"][0]["data"]) == len(spec["forecast"]["data"])
    assert any(value is not None for value in spec["series"][0]["data"])
    assert spec["t"] == sorted(spec["t"])
    assert "reaches 95" in spec["sentence"]


def test_what_was_foretold_is_compared_with_what_came(client_of, viewer, filling):
    now = timezone.now()
    for hours in range(1, 5):
        Prediction.objects.create(
            vm="db-1", metric="m", timestamp=now - timedelta(hours=hours), mean=90, lower=89, upper=91, actual=90.5, track=filling
        )
    spec = client_of(viewer).get(f"/forecasts/{filling.pk}/chart.json?part=compared").json()
    assert spec["series"][0]["data"] == [90.5] * 4
    assert spec["residuals"]["series"][0]["data"] == [0.5] * 4
    assert "100\u00a0% inside the 80 % band" in client_of(viewer).get(f"/forecasts/{filling.pk}/").content.decode()


def test_what_if_is_computed_from_the_address(seen, filling):
    page = seen(f"/forecasts/{filling.pk}/?load=30&limit=92")
    assert "It would reach" in page or "at once" in page


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("load=much", "Load is a number, not &#x27;much&#x27;."),
        ("load=-100", "Load is from -90 to 1000."),
        ("nodes=3&removed=3", "Of 3 nodes, 3 cannot be removed."),
    ],
)
def test_a_what_if_that_cannot_be_is_refused_in_words(seen, filling, query, sentence):
    assert sentence in seen(f"/forecasts/{filling.pk}/?{query}")


def test_a_what_if_without_history_says_so(seen):
    assert "There are only gaps" in seen(f"/forecasts/{a_track().pk}/?load=30")


def test_one_that_is_not_there(seen):
    seen("/forecasts/999/", 404)
    seen("/forecasts/999/chart.json", 404)


def test_a_history_that_is_not_offered_is_refused(seen, filling):
    seen(f"/forecasts/{filling.pk}/?back=365", 400)


# -- who may ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_every_role_reads(request, role, client_of, filling):
    client = client_of(request.getfixturevalue(role))
    for address in ("/forecasts/", f"/forecasts/{filling.pk}/", f"/forecasts/{filling.pk}/chart.json", "/forecasts/models/"):
        assert client.get(address).status_code == 200


def test_a_stranger_is_sent_to_sign_in(stranger, client_of, filling):
    for address in ("/forecasts/", f"/forecasts/{filling.pk}/", f"/forecasts/{filling.pk}/chart.json", "/forecasts/models/"):
        assert client_of(stranger).get(address).status_code == 302
    assert client_of(stranger).post(f"/forecasts/{filling.pk}/retrain/").status_code == 302


def test_operators_ask_for_a_model_trained_anew_and_it_is_audited(viewer, operator, client_of, filling):
    address = f"/forecasts/{filling.pk}/retrain/"
    assert client_of(viewer).post(address).status_code == 403
    assert client_of(operator).get(address).status_code == 405
    Track.objects.update(due_at=timezone.now() + timedelta(days=1))
    assert client_of(operator).post(address).status_code == 302
    filling.refresh_from_db()
    assert filling.due_at <= timezone.now()
    assert AuditEntry.objects.get(action="forecast.retrain").actor == operator.name
    assert f"{operator.name} asked for a model trained anew" in client_of(viewer).get(f"/forecasts/{filling.pk}/").content.decode()
    assert "Train anew" not in client_of(viewer).get(f"/forecasts/{filling.pk}/").content.decode()


# -- models --------------------------------------------------------------------------------------------------------------------
def test_the_ledger_is_public_by_metric_and_model(seen, filling):
    a_case(filling)
    a_case(filling, "false", note="The time passed.")
    page = seen("/forecasts/models/")
    assert "50\u00a0%" in page
    assert "The time passed." in page
    assert "The time passed." not in seen("/forecasts/models/?outcome=came_true")
    assert "Nothing in the ledger" in seen("/forecasts/models/?metric=other")
    seen("/forecasts/models/?outcome=odd", 400)


def test_muted_watches_say_why(seen):
    a_watch(muted_because="3 of 4 predictions did not come true.")
    assert "3 of 4 predictions did not come true." in seen("/forecasts/models/")


def test_what_if_and_the_forecast_are_told_from_the_same_history(filling):
    """As it is, the answer to a question is the time that the run told."""
    now, rows = 1_790_000_100_000, np.arange(20 * 96)
    times = now - 900_000 * rows[::-1]
    values = np.where(rows < 8 * 96, 40 + 3 * np.sin(rows), 60 + rows / 60)
    kept._save({filling.pk: (times, values)}, {}, 900_000)
    told = runs.Told(filling, (times, values), "ok", "")
    runs._reach(told)
    when = datetime.fromtimestamp(now / 1000, UTC)
    found = asking_what_if.answer(filling, asking_what_if.asked({"load": "10"}), when)
    assert (found.now - when).total_seconds() == told.eta["eta_seconds"]


def test_what_was_reached_has_no_interval(seen, filling):
    reached = timezone.now() - timedelta(minutes=5)
    a_forecast(a_track("db-2"), hours=-0.1, eta_lo=reached, eta_hi=reached)
    page = seen("/forecasts/")
    assert "reached" in page
    assert "now – now" not in page
