"""How unusual values were, and what had been foretold of them, over the charts of a resource."""

import pytest

from monitoring.dashboards.tests.conftest import filesystem, memory
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


@pytest.fixture
def two_disks(watch, sample, now_ms):
    """The second one is the fuller; both are foretold, at levels of their own."""
    host = watch()
    for mount, used, level in (("/", 40, 41), ("/var", 90, 91)):
        sample(host, filesystem(mount, used, used))
        for part, off in (("forecast", 0), ("lower", -2), ("upper", 2)):
            write(host, now_ms + 300_000, f"filesystem_used_percent:{part}", [level + off] * 3, 3_600_000, mountpoint=mount)
    return host


def foretold_of(client, host, query):
    found = client.get(f"/resources/{host.pk}/charts.json?range=now-1h&{query}").json()
    drawn = next(one for one in found["panels"] if one["key"] == "filesystem")
    return drawn["foretold"], drawn["forecast"]["data"][-1]


def test_of_several_series_the_highest_is_laid_over_unless_another_is_asked_for(client_of, viewer, two_disks):
    client = client_of(viewer)
    assert foretold_of(client, two_disks, "foresee=1") == ("/var", 91)
    assert foretold_of(client, two_disks, "foresee=filesystem:/") == ("/", 41)
    assert foretold_of(client, two_disks, "foresee=filesystem:/gone") == ("/var", 91)


def test_the_menu_of_a_chart_offers_each_foretold_series(client_of, viewer, two_disks):
    client = client_of(viewer)
    page = client.get(f"/resources/{two_disks.pk}/?range=now-1h").content.decode()
    assert "Show what was foretold: /<" in page
    assert "Show what was foretold: /var<" in page
    assert "Hide what was foretold" not in page
    picked = client.get(f"/resources/{two_disks.pk}/?range=now-1h&foresee=filesystem:/var").content.decode()
    assert "Hide what was foretold" in picked
    assert "Show what was foretold: /var<" not in picked


def test_series_are_told_apart_by_what_differs(client_of, viewer, host, now_ms):
    for node, level in (("a", 60), ("b", 70)):
        for part in ("forecast", "lower", "upper"):
            write(host, now_ms + 300_000, f"memory_used_percent:{part}", [level] * 3, 3_600_000, node=node)
    assert panel(client_of(viewer), host, "foresee=memory:b")[1]["forecast"]["data"][-1] == 70


def test_what_has_no_band_is_not_offered(client_of, viewer, host, now_ms):
    write(host, now_ms + 300_000, "memory_used_percent:forecast", [60] * 3, 3_600_000)
    assert "forecast" not in panel(client_of(viewer), host, "foresee=1")[1]
    assert "what was foretold" not in client_of(viewer).get(f"/resources/{host.pk}/?range=now-1h").content.decode()


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
