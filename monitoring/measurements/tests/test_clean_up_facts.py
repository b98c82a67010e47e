import pytest

from accounts.models import AuditEntry
from monitoring.store.windows import DAY, now_ms

pytestmark = pytest.mark.django_db


@pytest.fixture
def old(keep):
    now = now_ms()
    keep(*((vm, now - days * DAY, "cpu", 1) for vm in ("vm-1", "vm-2") for days in (1, 60, 100, 364)))


@pytest.mark.parametrize("method", ["post", "delete"])
def test_facts_older_than_90_days_go_and_the_act_is_recorded(method, sender, old):
    answer = getattr(sender, method)("/api/v1/cleanup")
    assert (answer.status_code, answer.json()["deleted"], answer.json()["days"]) == (200, 4, 90)
    assert sender.get("/api/v1/stats").json()["facts"] == 4
    entry = AuditEntry.objects.get(action="facts.cleaned_up")
    assert (entry.after["deleted"], entry.after["days"]) == (4, 90)
    assert getattr(sender, method)("/api/v1/cleanup").json()["deleted"] == 0


def test_one_vm_and_other_days(sender, old):
    assert sender.post("/api/v1/cleanup?days=50&vm=vm-1").json()["deleted"] == 3
    assert sender.post("/api/v1/cleanup?days_to_keep=365").json()["deleted"] == 0
    assert sender.get("/api/v1/facts?vm=vm-2").json()["count"] == 4


@pytest.mark.parametrize("query", ["days=0", "days=366", "days=x", "vm="])
def test_a_wrong_clean_up_is_refused(query, sender, old):
    assert sender.post(f"/api/v1/cleanup?{query}").status_code == 400
    assert sender.get("/api/v1/stats").json()["facts"] == 8


def test_an_unknown_vm_is_404(sender, old):
    assert sender.post("/api/v1/cleanup?vm=nope").status_code == 404


def test_an_engine_elsewhere_keeps_its_samples(sender, old, settings):
    settings.METRICS_WRITE_URL = "http://127.0.0.1:9/api/v1/write"
    assert sender.post("/api/v1/cleanup").status_code == 409
