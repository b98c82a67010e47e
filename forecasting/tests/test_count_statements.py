"""Lists, drawers and pages of one ask the database as often for many rows as for few."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from forecasting.models import Anomaly, Prediction, Track
from forecasting.tests.rows import a_case, a_forecast, a_resource, a_track, a_watch, an_anomaly, samples

pytestmark = pytest.mark.django_db
FEW, MANY = 2, 9


def put(first, last):
    """Of each kind of row: series that are forecast and that are not, anomalies open and ended, cases of the ledger."""
    for n in range(first, last):
        track = a_track(f"web-{n}", resource=a_resource(f"web-{n}", "vm" if n % 2 else "host"))
        a_forecast(track, hours=30 + n)
        an_anomaly(track, 0.9 - n / 100)
        an_anomaly(track, 0.7, minutes=200, ended_at=track.first_seen, feedback="noise" if n % 2 else "")
        a_case(track)
        a_track(f"web-{n}", a_watch("memory_used_percent", name="Memory used"), state=Track.State.NOT_PREDICTABLE)


@pytest.fixture
def first(db):
    put(0, FEW)
    track = Track.objects.order_by("pk")[0]
    samples(track, days=1)
    return track


PAGES = {
    "breaches": "/forecasts/", "all forecasts": "/forecasts/?tab=all&sort=-now", "not predictable": "/forecasts/?tab=not",
    "found and ticked": "/forecasts/?tab=all&q=web&kind=vm&kind=host", "a forecast": "/forecasts/{track}/",
    "its chart": "/forecasts/{track}/chart.json", "models": "/forecasts/models/", "watches": "/forecasts/watches/",
    "a watch": "/forecasts/watches/{watch}/", "anomalies": "/anomalies/?least=0",
    "anomalies ticked": "/anomalies/?least=0&site=fra&state=open&kind=host&kind=vm", "drawer": "/anomalies/?least=0&open={anomaly}",
    "chart of an anomaly": "/anomalies/{anomaly}/chart.json", "API forecasts": "/api/v1/forecasts/", "API anomalies": "/api/v1/anomalies/",
    "API models": "/api/v1/models/", "API watches": "/api/v1/watches/",
}  # fmt: skip


def test_statements_do_not_grow_with_the_rows(first, client_of, viewer):
    client = client_of(viewer)
    anomaly = Anomaly.objects.order_by("pk")[0].pk
    paths = {name: path.format(track=first.pk, watch=first.watch_id, anomaly=anomaly) for name, path in PAGES.items()}
    few = {name: statements(client, path) for name, path in paths.items()}
    put(FEW, MANY)
    many = {name: statements(client, path) for name, path in paths.items()}
    assert many == few


def test_statements_of_analysis_do_not_grow_with_series_of_one_watch(first, client_of, viewer):
    client, path = client_of(viewer), f"/analysis/?watch={first.watch_id}"
    few = statements(client, path)
    put(FEW, MANY)
    assert statements(client, path) == few


def test_statements_of_the_comparison_do_not_grow_with_the_predictions(first, client_of, viewer):
    client, path = client_of(viewer), f"/forecasts/{first.pk}/chart.json?part=compared"
    few = statements(client, path)
    made = {"vm": first.vm, "metric": first.series, "track": first, "mean": 80, "lower": 78, "upper": 82, "actual": 81}
    Prediction.objects.bulk_create(Prediction(timestamp=one.started_at, **made) for one in Anomaly.objects.all())
    assert statements(client, path) == few


def statements(client, path):
    """Of the second time: what a process keeps is known then."""
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200, path
    return len(captured)
