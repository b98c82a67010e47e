"""The life of an API token: made, rotated, revoked. The token itself leaves here once and is never seen again."""

import hashlib
import re
import secrets
import string
from datetime import timedelta

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import ApiToken, TokenKind, User
from accounts.permissions import PERMISSIONS, can

ALPHABET = string.ascii_letters + string.digits
SHAPE = re.compile(r"aio_([A-Za-z0-9]{12})_[A-Za-z0-9]{43}")  # 43 of 62 characters: 256 bits
INGEST_SCOPES = ["metrics:write"]
OVERLAP_HOURS = 24


class TokenError(ValueError):
    """The token cannot be made as asked; the message is one sentence for the person who asked."""


def digest_of(raw: str) -> str:
    """Plain SHA-256: the secret has 256 random bits, so there is nothing a slow or keyed hash could add."""
    return hashlib.sha256(raw.encode()).hexdigest()


def cache_key(public_id: str) -> str:
    return f"api-token:{public_id}"


def forget(*public_ids: str) -> None:
    """Take tokens out of the look-up cache, once the change that made them stale is committed."""
    transaction.on_commit(lambda: cache.delete_many([cache_key(public_id) for public_id in public_ids]))


def issue(user: User, name: str, scopes: list[str], *, kind: str = TokenKind.PERSONAL, days: int | None = 90) -> tuple[ApiToken, str]:
    """A new token of `user`, and its text. `days` None: until revoked. Raises TokenError."""
    scopes = _checked(user, name, INGEST_SCOPES if kind == TokenKind.INGEST and not scopes else scopes, kind)
    expires_at = timezone.now() + timedelta(days=days) if days else None
    with transaction.atomic():
        token, raw = _make(ApiToken(user=user, name=name.strip(), kind=kind, scopes=scopes, expires_at=expires_at))
        audit.record("token.created", target=token, after=_facts(token))
    return token, raw


def rotate(token: ApiToken, *, overlap_hours: float = OVERLAP_HOURS) -> tuple[ApiToken, str]:
    """A successor with the same name, scopes and term; the old one stays valid for the overlap, then ends by itself."""
    now = timezone.now()
    with transaction.atomic():
        token = ApiToken.objects.select_for_update().select_related("user").get(pk=token.pk)
        if not token.is_valid(now) or token.replaced_by_id:
            raise TokenError(f"{token.name} is {token.state}; only a valid token can be rotated.")
        term = token.expires_at - token.created_at if token.expires_at else None
        successor = ApiToken(user=token.user, name=token.name, kind=token.kind, scopes=token.scopes)
        successor, raw = _make(successor, expires_at=now + term if term else None)
        end = now + timedelta(hours=overlap_hours)
        token.expires_at = min(token.expires_at or end, end)
        token.replaced_by = successor
        token.save(update_fields=["expires_at", "replaced_by"])
        forget(token.public_id)
        audit.record("token.rotated", target=token, after={"replaced_by": str(successor), "valid_until": token.expires_at})
    return successor, raw


def revoke(token: ApiToken) -> None:
    """Ends it now, everywhere. Revoking twice changes nothing."""
    with transaction.atomic():
        if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
            forget(token.public_id)
            audit.record("token.revoked", target=token)


def _checked(user: User, name: str, scopes: list[str], kind: str) -> list[str]:
    if not name.strip():
        raise TokenError("A token needs a name.")
    if unknown := sorted(set(scopes) - set(PERMISSIONS)):
        raise TokenError(f"{unknown[0]} is not a scope; the scopes are {', '.join(sorted(PERMISSIONS))}.")
    if not scopes:
        raise TokenError("A token needs at least one scope.")
    if kind == TokenKind.INGEST and set(scopes) != set(INGEST_SCOPES):
        raise TokenError(f"An ingest token has the scope {INGEST_SCOPES[0]} and no other.")
    if beyond := sorted(scope for scope in scopes if not can(user, scope)):
        raise TokenError(f"{beyond[0]} is more than the role {user.role} allows.")
    return sorted(set(scopes))


def _make(token: ApiToken, **fields: object) -> tuple[ApiToken, str]:
    token.public_id = "".join(secrets.choice(ALPHABET) for _ in range(12))
    raw = f"aio_{token.public_id}_{''.join(secrets.choice(ALPHABET) for _ in range(43))}"
    token.digest, token.ending = digest_of(raw), raw[-4:]
    for name, value in fields.items():
        setattr(token, name, value)
    token.save(force_insert=True)
    return token, raw


def _facts(token: ApiToken) -> dict[str, object]:
    return {"name": token.name, "owner": token.user.name, "kind": token.kind, "scopes": token.scopes, "expires": token.expires_at}
