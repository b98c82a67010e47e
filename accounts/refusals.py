"""Refusals in the audit trail, without letting a sender that keeps trying flood it."""

from typing import Any

from django.core.cache import cache

from accounts import audit
from accounts.limits import bump
from accounts.models import ApiToken, User

QUIET_SECONDS = 60


def record_refusal(action: str, key: str, *, target: Any = None, actor: User | ApiToken | str | None = None, **facts: Any) -> None:
    """At most one entry a minute for `key`; its `count` says for how many refusals it stands, those kept quiet before it included."""
    address = facts.pop("address", None)
    count = bump(f"refusals:{key}", 86_400)
    if cache.add(f"refusal-told:{key}", 1, QUIET_SECONDS):
        cache.delete(f"refusals:{key}")
        audit.record(action, target=target, actor=actor, after={**facts, "count": count}, address=address)
