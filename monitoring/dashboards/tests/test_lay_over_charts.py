"""How unusual values were, and what had been foretold of them, over the charts of a resource."""

import pytest

from monitoring.dashboards.tests.conftest import memory
from monitoring.store import writer
from monitoring.store.batch import Batch

pytestmark = pytest.mark.django_db


@pytest.fixture
def host(watch, sample, now_ms):
    host = watch()
    sample(host, memory(60, 80))
    return host


def write(host, now_ms, name, values, step=300_000, **labels):
    named = {"instance": host.name, **labels}
    rows = [(name, named, now_ms - step * (len(values) - 1 - at), float(value)) for at, value in enumerate(values)]
    writer.write(Batch.of(rows, host.pk))


def panel(client, host, query=""):
    found = client.get(f"/resources/{host.pk}/charts.json?range=now-1h&{query}").json()
    return found, next(one for one in found["panels"] if one["key"] == "memory")


def test_scores_are_a_ribbon_of_the_highest(client_of, viewer, host, now_ms):
    write(host, now_ms, "memory_used_percent:anomaly", [0, 0.9, 0, 0])
    found, drawn = panel(client_of(viewer), host)
    assert len(drawn["anomaly"]) == len(found["t"])
    assert max(drawn["anomaly"]) == 0.9
    assert drawn["anomaly"][0] == 0
    assert "forecast" not in drawn


def test_nobody_scores_it_and_there_is_no_ribbon(client_of, viewer, host):
    assert "anomaly" not in panel(client_of(viewer), host)[1]


def test_what_was_foretold_is_laid_over_on_request(client_of, viewer, host, now_ms):
    for part, level in (("forecast", 61), ("lower", 59), ("upper", 63)):
        write(host, now_ms + 300_000, f"memory_used_percent:{part}", [level] * 3, 3_600_000)
    write(host, now_ms, "memory_used_percent:anomaly", [0, 0, 0])
    found, drawn = panel(client_of(viewer), host, "foresee=1")
    assert len(drawn["forecast"]["data"]) == len(found["t"])
    assert (drawn["forecast"]["data"][-1], drawn["forecast"]["lo"][-1], drawn["forecast"]["hi"][-1]) == (61, 59, 63)
    page = client_of(viewer).get(f"/resources/{host.pk}/?range=now-1h").content.decode()
    assert "Show what was foretold" in page
    assert "Hide what was foretold" in client_of(viewer).get(f"/resources/{host.pk}/?range=now-1h&foresee=1").content.decode()


def test_several_series_make_no_band(client_of, viewer, host, now_ms):
    for part in ("forecast", "lower", "upper"):
        write(host, now_ms, f"memory_used_percent:{part}", [60] * 3, 600_000, node="a")
        write(host, now_ms, f"memory_used_percent:{part}", [60] * 3, 600_000, node="b")
    assert "forecast" not in panel(client_of(viewer), host, "foresee=1")[1]


def test_the_explorer_lays_over_what_is_beyond_now_too(client_of, viewer, host, now_ms):
    hour = 3_600_000
    write(host, now_ms, "depth", [50] * 60, 60_000)
    write(host, now_ms, "depth:anomaly", [0.2, 0.8, 0], 300_000)
    for part, level in (("forecast", 51), ("lower", 49), ("upper", 53)):
        rows = [(f"depth:{part}", {"instance": host.name}, now_ms + hour * at, float(level)) for at in (1, 2)]
        writer.foretell(Batch.of(rows, host.pk))
    found = client_of(viewer).get("/explore/data.json?q=depth&range=now-6h&foresee=1").json()
    laid = found["queries"][0]["series"][0]["foretold"]
    assert laid["t"][: len(found["t"])] == found["t"]
    assert laid["t"][-1] > found["to"]
    assert (laid["data"][-1], laid["lo"][-1], laid["hi"][-1]) == (51, 49, 53)
    assert max(laid["anomaly"]) == 0.8
    plain = client_of(viewer).get("/explore/data.json?q=depth&range=now-1h").json()
    assert "foretold" not in plain["queries"][0]["series"][0]
    assert "foretold" not in client_of(viewer).get("/explore/data.json?q=sum(depth)&foresee=1").json()["queries"][0]["series"][0]
