from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection, transaction

from accounts import audit, audit_guard
from accounts.models import AuditEntry

pytestmark = pytest.mark.django_db


def test_an_entry_holds_the_hash_of_the_one_before_it():
    first, second = audit.record("thing.made", target="a"), audit.record("thing.made", target="b")
    assert first.previous == ""
    assert second.previous == first.hash
    assert audit.verify() == audit.Verdict(2, second.hash)


def test_what_is_read_back_hashes_the_same(viewer):
    facts = {
        "at": datetime(2026, 1, 2, tzinfo=UTC),
        "n": 1e16,
        "small": 0.1,
        "zero": -0.0,
        "text": "ü\x00",
        "set": {"b", "a"},
        "nan": float("nan"),
    }
    entry = audit.record("thing.made", target=viewer, after=facts, actor=viewer)
    again = AuditEntry.objects.get(pk=entry.pk)
    assert again.content_hash() == entry.hash
    assert again.after["set"] == ["a", "b"]
    assert again.after["n"] == 1e16
    assert (again.user_id, again.actor, again.object_type, again.object_id) == (viewer.pk, "viewer", "accounts.user", str(viewer.pk))


def test_the_hash_of_known_content_never_changes():
    """Pinned: an installation's old entries must verify after every upgrade, on either database."""
    entry = AuditEntry(time=datetime(2026, 11, 21, 10, 0, 0, 123456, tzinfo=UTC), actor="mara", action="source.changed", user_id=7)
    entry.object_type, entry.object_id, entry.object_text = "monitoring.source", "3", "rack 4"
    entry.before, entry.after, entry.address, entry.request_id = {"interval": 5}, {"interval": 10.5}, "10.0.0.1", "abcdef01"
    assert entry.content_hash() == "4920dfd9afb0ec7bfafb3866bd7284d601f1f35d0dc7cbf92d73cf5e26d2c880"


def test_secrets_are_masked_even_where_the_caller_forgot():
    entry = audit.record("source.changed", after={"password": "p", "config": {"api_key": "k", "url": "u"}, "tokens": ["t"], "secret": ""})
    assert entry.after == {"password": "[hidden]", "config": {"api_key": "[hidden]", "url": "u"}, "tokens": "[hidden]", "secret": ""}


def test_changes_keeps_only_what_differs_and_hides_secrets():
    old, new = {"a": 1, "b": 2, "pin": "1234", "gone": 3}, {"a": 1, "b": 5, "pin": "9999", "new": None}
    assert audit.changes(old, new, secret=["pin"]) == {
        "before": {"b": 2, "pin": "[hidden]", "gone": 3},
        "after": {"b": 5, "pin": "[hidden]"},
    }


def test_an_entry_is_rolled_back_with_its_transaction():
    kept = audit.record("thing.made")

    def fail():
        with transaction.atomic():
            audit.record("thing.made")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert audit.record("thing.made").previous == kept.hash


def refused_statements():
    yield "UPDATE accounts_auditentry SET actor = 'nobody'"
    yield "DELETE FROM accounts_auditentry"
    if connection.vendor == "postgresql":
        yield "TRUNCATE accounts_auditentry"
    else:
        yield "INSERT OR REPLACE INTO accounts_auditentry SELECT * FROM accounts_auditentry"


@pytest.mark.parametrize("statement", refused_statements())
def test_the_database_refuses_to_change_or_remove_entries(statement):
    entry = audit.record("thing.made", actor="me")
    with pytest.raises(DatabaseError, match="cannot be changed or deleted"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert AuditEntry.objects.get().hash == entry.hash


def test_the_orm_cannot_get_round_the_triggers():
    entry = audit.record("thing.made")
    for attempt in (entry.delete, entry.save, AuditEntry.objects.all().delete, lambda: AuditEntry.objects.update(actor="x")):
        with pytest.raises(DatabaseError), transaction.atomic():
            attempt()
    assert audit.verify().entries == 1


def test_verify_names_the_first_entry_whose_content_was_changed():
    entries = [audit.record("thing.made", target=str(n)) for n in range(4)]
    audit_guard.remove(connection)
    AuditEntry.objects.filter(pk=entries[1].pk).update(object_text="forged")
    AuditEntry.objects.filter(pk=entries[2].pk).update(object_text="forged too")
    verdict = audit.verify()
    assert verdict.broken == entries[1]
    assert "changed" in verdict.reason


def test_verify_names_the_entry_after_a_removed_one_even_with_a_fresh_hash():
    entries = [audit.record("thing.made", target=str(n)) for n in range(4)]
    audit_guard.remove(connection)
    AuditEntry.objects.filter(pk=entries[1].pk).delete()
    assert audit.verify().broken == entries[2]


def test_an_entry_rewritten_with_a_matching_hash_breaks_the_next_link():
    entries = [audit.record("thing.made", target=str(n)) for n in range(3)]
    audit_guard.remove(connection)
    forged = entries[1]
    forged.object_text = "forged"
    AuditEntry.objects.filter(pk=forged.pk).update(object_text="forged", hash=forged.content_hash())
    assert audit.verify().broken == entries[2]


def test_verify_of_the_newest_entries_looks_at_no_others():
    entries = [audit.record("thing.made", target=str(n)) for n in range(5)]
    audit_guard.remove(connection)
    AuditEntry.objects.filter(pk=entries[0].pk).update(object_text="forged")
    assert audit.verify(newest=2) == audit.Verdict(2, entries[-1].hash)
    assert audit.verify(newest=100).broken == entries[0]


def test_missing_triggers_are_named():
    assert audit_guard.missing(connection) == []
    audit_guard.remove(connection)
    assert audit_guard.missing(connection)
