from datetime import timedelta

import pytest
from django.utils import timezone

from genai.evidence import check, collect, figures, kinds
from genai.evidence.models import Evidence
from genai.models import Chunk, Document
from monitoring.alerts.models import Alert
from monitoring.incidents.models import Incident
from monitoring.inventory.models import Dependency, Resource, ResourceChange
from monitoring.query import stored
from monitoring.query.errors import ParseError
from monitoring.store import StoreUnavailable, writer
from monitoring.store.batch import Batch


def test_a_series_is_kept_with_its_figures_and_window(queue):
    found = queue.found
    assert found["series"] == 1
    assert found["points"] > 150
    assert found["first"] < 130 < 210 < found["last"]
    assert found["min"] <= found["first"]
    assert found["max"] >= found["last"]
    assert len(found["line"]) <= figures.LINE
    assert queue.reference["query"] == "queue_length"
    assert queue.reference["end"] - queue.reference["start"] == 50 * 60_000 // queue.reference["step"] * queue.reference["step"]


def test_the_same_found_twice_is_one_row(queue, now):
    again = collect.series("queue_length", now - timedelta(minutes=50), now, "Queue of web-3", found_text="84 → 221")
    assert again.pk == queue.pk
    other = collect.series("queue_length", now - timedelta(minutes=30), now, "Queue of web-3", found_text="84 → 221")
    assert other.pk != queue.pk
    assert other.digest != queue.digest


def test_what_a_digest_covers():
    base = collect.digest_of("alert", {"id": 1}, {"name": "a"})
    assert base == collect.digest_of("alert", {"id": 1}, {"name": "a"})
    assert len({base, collect.digest_of("incident", {"id": 1}, {"name": "a"}), collect.digest_of("alert", {"id": 2}, {"name": "a"}),
                collect.digest_of("alert", {"id": 1}, {"name": "b"})}) == 4  # fmt: skip


def test_a_query_that_cannot_be_read_is_an_error_not_evidence(db, now):
    with pytest.raises(ParseError):
        collect.series("sum by (", now - timedelta(hours=1), now, "Nonsense")
    assert not Evidence.objects.exists()


def test_no_samples_is_something_that_was_found(db, now):
    kept = collect.series("nothing_there", now - timedelta(hours=1), now, "Nothing")
    assert kept.found == {"series": 0, "points": 0}
    assert check.check(kept) is True


def test_a_window_that_reaches_beyond_now_ends_now(write, now):
    write()
    kept = collect.series("queue_length", now - timedelta(hours=1), now + timedelta(hours=1), "Queue")
    assert kept.reference["end"] <= timezone.now().timestamp() * 1000


def test_what_holds_and_what_does_not(queue, write):
    assert check.check(queue) is True
    write(first=900.0, last=1500.0)  # the same times, other values: the later write counts
    assert check.check(queue) is False
    queue.refresh_from_db()
    assert queue.holds is False
    assert queue.checked_at is not None


def test_samples_that_came_late_do_not_end_a_claim(queue, host, now):
    at = int(now.timestamp() * 1000) - 7_000
    writer.write(Batch.of([("queue_length", {"instance": host.name}, at, 223.0)], host.pk))
    assert check.check(queue) is True


def test_while_the_store_is_away_nothing_is_said(queue, monkeypatch):
    def away(*given, **more):
        raise StoreUnavailable("no connection")

    monkeypatch.setattr(stored.evaluate, "range_query", away)
    assert check.check(queue) is None


def test_one_checked_a_moment_ago_is_not_asked_again(queue, monkeypatch):
    check.check(queue)
    monkeypatch.setattr(check, "check", lambda one: pytest.fail("asked again"))
    assert check.standing([queue.pk, 999_999]) == {queue.pk: queue}


@pytest.fixture
def things(host, now):
    """One of each kind that is a row: (kind, reference, what takes it away)."""
    alert = Alert.objects.create(fingerprint="f", name="Slow", resource=host, started_at=now)
    incident = Incident.objects.create(title="Shop down")
    change = ResourceChange.of(host, "facts", "Kernel 5 → 6")
    change.save()
    database = Resource.objects.create(name="db", kind="database")
    needs = Dependency.objects.create(from_resource=host, to_resource=database)
    document = Document.objects.create(kind="upload", key="k", title="Handbook")
    chunk = Chunk.objects.create(document=document, number=3, text="Restart it.")
    return [
        ("alert", {"id": alert.pk}, alert), ("incident", {"id": incident.pk}, incident), ("change", {"id": change.pk}, change),
        ("resource", {"id": database.pk}, None), ("topology", {"from": host.pk, "to": database.pk}, needs),
        ("document", {"id": document.pk, "chunk": 3}, chunk),
    ]  # fmt: skip


def test_every_kind_of_row_is_kept_checked_and_missed(things):
    for kind, reference, row in things:
        kept = collect.of(kind, reference, f"A {kind}")
        assert check.check(kept) is True, kind
        if row is not None:
            row.delete()
            assert check.check(kept) is None, kind
            with pytest.raises(collect.Gone):
                collect.of(kind, reference, "gone")


def test_what_changes_by_itself_does_not_end_a_claim(things):
    (kind, reference, alert) = things[0]
    kept = collect.of(kind, reference, "An alert")
    Alert.objects.filter(pk=alert.pk).update(state="resolved", resolved_at=timezone.now(), severity="low")
    assert check.check(kept) is True


def test_another_text_does_not_hold(things):
    (kind, reference, chunk) = things[-1]
    kept = collect.of(kind, reference, "Handbook, Restarting")
    Chunk.objects.filter(pk=chunk.pk).update(text="Never restart it.")
    assert check.check(kept) is False


def test_every_kind_is_in_the_table():
    assert set(kinds.KINDS) == set(Evidence.Kind.values)
    with pytest.raises(KeyError):
        kinds.kind("rumour")
