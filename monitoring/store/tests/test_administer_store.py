import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client

from aiops import health
from monitoring.store import StoreUnavailable, seal, self_check, writer
from monitoring.store.batch import Batch
from monitoring.store.models import Hot, RetentionOverride
from monitoring.store.windows import DAY, now_ms

pytestmark = pytest.mark.django_db


def _write(age: int = 0) -> None:
    writer.write(Batch.of([("up", {"host": "a"}, now_ms() - age, 1.0)]))


def test_an_admin_sets_a_retention_and_looks_at_series(admin: object, client_of: object) -> None:
    client: Client = client_of(admin)  # type: ignore[operator]
    answer = client.post("/admin/monitoring/retentionoverride/add/", {"pattern": "node_*", "raw_days": "90", "rollup_days": ""})
    assert answer.status_code == 302
    assert RetentionOverride.objects.get().raw_days == 90
    _write()
    assert b"up" in client.get("/admin/monitoring/series/?q=up").content
    assert client.get("/admin/monitoring/series/add/").status_code == 403


def test_strangers_and_viewers_do_not(client: Client, viewer: object, client_of: object) -> None:
    for visitor in (client, client_of(viewer)):  # type: ignore[operator]
        assert visitor.get("/admin/monitoring/series/").status_code in (302, 403)
        visitor.post("/admin/monitoring/retentionoverride/add/", {"pattern": "*", "raw_days": "1"})
    assert not RetentionOverride.objects.exists()


def test_a_retention_below_a_day_is_refused() -> None:
    with pytest.raises(ValidationError):
        RetentionOverride(pattern="x", raw_days=0).full_clean()


def test_health_tells_the_age_of_the_newest_sample() -> None:
    assert (self_check.check().status, self_check.check().age_seconds) == ("ok", None)
    _write()
    found = health.run(["store"])["store"]
    assert found.status == "ok"
    assert found.age_seconds is not None
    assert found.age_seconds < 60


def test_health_tells_that_nobody_seals() -> None:
    _write(age=DAY)
    found = self_check.check()
    assert found.status == "degraded"
    assert "worker" in found.detail
    from django.core.cache import cache

    cache.clear()
    seal.seal()
    assert self_check.check().status == "ok"


@pytest.mark.django_db(transaction=True)
def test_a_full_disk_is_told_and_got_over() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("a PostgreSQL server's disk is not ours to fill")
    _write()
    held = Hot.objects.count()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # pages that tests before left free would hold it all
        [used] = cursor.execute("PRAGMA page_count").fetchone()
        cursor.execute(f"PRAGMA max_page_count = {used}")
    now = now_ms()
    large = Batch.of([("up", {"host": "a"}, now - place, 1.0) for place in range(20_000)])
    with pytest.raises(StoreUnavailable, match="full"):
        writer.write(large)
    assert Hot.objects.count() == held
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA max_page_count = 1073741823")
    assert writer.write(large).accepted == 20_000
