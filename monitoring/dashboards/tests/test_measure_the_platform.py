import pytest

from aiops import health, metrics, processes
from monitoring.dashboards import self_metrics, system
from monitoring.dashboards.tasks import measure_platform
from monitoring.store import reader

pytestmark = pytest.mark.django_db


@pytest.fixture
def counted(monkeypatch):
    """What the processes have counted; the test turns the clock and the counters."""

    class Counted:
        now = 1_000_000.0
        sums = {"web": {"aiops_samples_written_total": 100.0}}

    state = Counted()
    monkeypatch.setattr(self_metrics, "_sums", lambda: {name: dict(values) for name, values in state.sums.items()})
    return state


def rate(counted):
    return self_metrics._rates(self_metrics._sums(), counted.now).get("aiops_samples_per_second")


def test_the_first_measurement_has_no_rate(counted):
    assert rate(counted) is None


def test_a_rate_is_growth_per_second(counted):
    rate(counted)
    counted.now += 10
    counted.sums["web"]["aiops_samples_written_total"] = 600.0
    assert rate(counted) == 50.0


def test_a_process_that_ended_takes_nothing_away(counted):
    counted.sums["worker"] = {"aiops_samples_written_total": 9000.0}
    rate(counted)
    counted.now += 10
    del counted.sums["worker"]
    assert rate(counted) == 0.0


def test_a_process_that_started_anew_counts_from_nothing(counted):
    rate(counted)
    counted.now += 10
    counted.sums["web"]["aiops_samples_written_total"] = 20.0
    assert rate(counted) == 2.0


def test_nothing_is_said_over_a_long_pause(counted):
    rate(counted)
    counted.now += 4000
    counted.sums["web"]["aiops_samples_written_total"] = 1e9
    assert rate(counted) is None


def test_the_figures_become_samples_that_the_page_draws(viewer, client_of):
    metrics.SAMPLES_WRITTEN.inc(0)
    measure_platform()
    assert {"aiops_store_bytes", "aiops_queue_tasks", "aiops_resident_bytes"} <= {
        ref.metric for ref in reader.select(labels={"job": "aiops"})
    }
    page = client_of(viewer).get("/system/?range=now-5m")
    assert {one.key for one in page.context["charts"].drawn} >= {"store", "queue", "resident"}
    assert page.context["rates"]["aiops_resident_bytes"] > 1e6


def test_before_any_measurement_the_page_says_so(viewer, client_of):
    assert "No history in this range" in client_of(viewer).get("/system/").content.decode()


def test_checks_that_need_somebody_come_first(monkeypatch):
    checks = {"fine": health.Health("ok"), "dead": health.Health("failed", "gone"), "slow": health.Health("degraded")}
    monkeypatch.setattr(health, "run", lambda names=None: checks)
    assert [check.name for check in system.checks()] == ["dead", "slow", "fine"]


def test_the_line_at_the_foot_names_what_failed(monkeypatch, viewer, client_of):
    monkeypatch.setattr(
        health, "run", lambda names=None: {"database": health.Health("ok"), "worker": health.Health("failed", "silent for 40 s")}
    )
    line = client_of(viewer).get("/system/line").content.decode()
    assert "Worker failed" in line
    assert "silent for 40 s" in line


def test_a_healthy_platform_says_so(monkeypatch, viewer, client_of):
    monkeypatch.setattr(health, "run", lambda names=None: {"database": health.Health("ok")})
    assert "Platform healthy" in client_of(viewer).get("/system/line").content.decode()


def test_processes_are_listed_with_what_they_use(viewer, client_of):
    beating = processes.Heartbeat("web")
    beating.beat()
    [row] = client_of(viewer).get("/system/").context["processes"]
    assert row.resident > 1e6
    assert not row.silent
