"""The audit trail: `record` is its only writer, `verify` walks the chain of hashes.

`record` joins the caller's transaction and is rolled back with it. It holds the chain until that transaction ends, so call
it last: change the rows first, record after, and no two transactions can wait for each other.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from django.db import connection, models, transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.middleware import client_address, current_request
from accounts.models import ApiToken, AuditEntry, User, canonical
from aiops.crypto import EncryptedJSONField
from aiops.middleware import current_request_id

CHAIN_LOCK = 7_310_155_642  # any number, as long as nothing else in this database locks it
MASK = "[hidden]"
SECRET_NAME = re.compile(r"(^|[_\W])(pass(word|wd|phrase)|secret|token|digest|api_?key|private_?key|credentials?|authorization)s?$", re.I)


def record(
    action: str,
    *,
    target: models.Model | str | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    actor: User | ApiToken | str | None = None,
    address: str | None = None,
) -> AuditEntry:
    """Append one entry. Actor, address and request id default to the current request's; outside of one the actor is "system"."""
    request = current_request.get()
    entry = AuditEntry(action=action[:100], before=_plain(before), after=_plain(after), **_who(actor, request), **_what(target))
    entry.address = address if address is not None else (client_address(request) if request else "")
    entry.request_id = current_request_id.get()[:64]
    with transaction.atomic():
        _hold_chain()
        entry.time = timezone.now()
        entry.previous = AuditEntry.objects.order_by("-id").values_list("hash", flat=True).first() or ""
        entry.hash = entry.content_hash()
        entry.save(force_insert=True)
    return entry


def _hold_chain() -> None:
    """One writer at a time until its transaction ends. SQLite needs nothing: its transactions are IMMEDIATE, one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHAIN_LOCK])


def _who(actor: User | ApiToken | str | None, request: HttpRequest | None) -> dict[str, Any]:
    if actor is None and request is not None:
        bearer = getattr(request, "auth", None)
        actor = bearer.token if bearer else getattr(request, "user", None)
    if isinstance(actor, ApiToken):
        return {"user_id": actor.user_id, "token_id": actor.pk, "actor": f"{actor.user.name}, token {actor.name}"}
    if isinstance(actor, str):
        return {"actor": _text(actor)}
    if actor is not None and actor.pk:
        return {"user_id": actor.pk, "actor": actor.name}
    return {"actor": "stranger" if request else "system"}


def _what(target: models.Model | str | None) -> dict[str, str]:
    if isinstance(target, models.Model):
        return {"object_type": target._meta.label_lower, "object_id": str(target.pk or ""), "object_text": _text(str(target))}
    return {"object_text": _text(target or "")}


def _text(value: str) -> str:
    return value.replace("\x00", "")[:300]


def _plain(facts: Mapping[str, Any] | None) -> Any:
    """What the database will give back for it, so that the hash is of exactly that. Secrets are masked whoever forgot to."""
    return None if facts is None else _masked(facts)


def _masked(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): MASK if inner and SECRET_NAME.search(str(key)) else _masked(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(inner) for inner in (sorted(value, key=str) if isinstance(value, set | frozenset) else value)]
    if value is None or isinstance(value, bool | int | str):
        return value
    return value if isinstance(value, float) and abs(value) != float("inf") and value == value else str(value)


class Changes(TypedDict):
    before: dict[str, Any]
    after: dict[str, Any]


def changes(before: Mapping[str, Any], after: Mapping[str, Any], secret: Iterable[str] = ()) -> Changes:
    """{"before": …, "after": …} with only what differs, for `record(…, **changes(old, new))`. A secret that changed shows as hidden."""
    hidden = set(secret)
    differing = [key for key in {**before, **after} if before.get(key) != after.get(key)]

    def side(facts: Mapping[str, Any]) -> dict[str, Any]:
        return {key: MASK if key in hidden and facts[key] else facts[key] for key in differing if key in facts}

    return {"before": side(before), "after": side(after)}


class Hidden:
    """A secret that can be compared, so that its change is seen, and shows as hidden."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hidden) and self.value == other.value

    def __hash__(self) -> int:
        return hash(str(self.value))

    def __str__(self) -> str:
        return MASK if self.value else ""


def snapshot(instance: models.Model) -> dict[str, Any]:
    """The columns of a row as an audit entry shows them; related rows by their key, secrets hidden."""
    found = {}
    for field in instance._meta.concrete_fields:
        if not field.primary_key:
            value = field.value_from_object(instance)
            secret = isinstance(field, EncryptedJSONField) or SECRET_NAME.search(field.attname)
            found[field.attname] = Hidden(value) if secret else value
    return found


@dataclass(frozen=True)
class Verdict:
    entries: int
    head: str  # hash of the newest entry: noted elsewhere, it also proves that nothing was cut off at the end
    broken: AuditEntry | None = None
    reason: str = ""


def verify(newest: int | None = None) -> Verdict:
    """Walk the chain from its beginning, or over its newest entries only, up to the first broken link."""
    entries = AuditEntry.objects.order_by("id")
    previous, count = "", 0
    if newest is not None and (start := AuditEntry.objects.order_by("-id").values_list("id", "previous")[newest - 1 : newest].first()):
        entries, previous = entries.filter(id__gte=start[0]), start[1]
    for entry in entries.iterator(chunk_size=2000):
        if entry.previous != previous:
            return Verdict(count, previous, entry, "the entry before it was removed or replaced")
        if entry.content_hash() != entry.hash:
            return Verdict(count, previous, entry, "its content was changed after it was written")
        previous, count = entry.hash, count + 1
    return Verdict(count, previous)


__all__ = ["MASK", "Changes", "Verdict", "canonical", "changes", "record", "snapshot", "verify"]
