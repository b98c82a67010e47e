"""Puts evidence down: what was looked at, what was found, and the digest of both. The same found twice is one row."""

import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from genai.evidence import figures, kinds
from genai.evidence.models import Evidence
from genai.masking import Mask

READ = "monitoring:read"
Json = dict[str, Any]


class Gone(LookupError):
    """What is referred to is not there."""


def series(query: str, start: datetime, end: datetime, title: str, *, found_text: str = "", permission: str = READ) -> Evidence:
    """Asks the store. Raises QueryError, StoreUnavailable."""
    asked = figures.reference(query, start, min(end, max(timezone.now(), start)))
    return _keep("series", asked, figures.figures(asked), title, found_text, start, end, permission)


def of(
    kind: str,
    reference: Mapping[str, Any],
    title: str,
    found_text: str = "",
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    permission: str = READ,
) -> Evidence:
    """Anything but a series: see models.Evidence.Kind for what each refers to. Raises Gone; KeyError for another kind."""
    found = kinds.kind(kind).look(reference)
    if found is None:
        raise Gone(f"{title} is not there any more")
    return _keep(kind, dict(reference), found, title, found_text, start, end, permission)


def _keep(
    kind: str, reference: Json, found: Json, title: str, found_text: str, start: datetime | None, end: datetime | None, permission: str
) -> Evidence:
    title, found_text = _shown(title)[:300], _shown(found_text)[:500]
    digest = digest_of(kind, reference, {**found, "title": title, "text": found_text, "for": permission})
    row = Evidence.objects.filter(digest=digest).first()
    if row is not None:
        return row
    row = Evidence(
        kind=kind, digest=digest, title=title, found_text=found_text, reference=reference, found=found, permission=permission,
        start=start, end=end,
    )  # fmt: skip
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:  # another call put the same down meanwhile
        return Evidence.objects.get(digest=digest)
    return row


def _shown(text: str) -> str:
    """What people read has no secrets in it, whatever it was made of."""
    mask = Mask()
    return mask.shown(mask.mask(text))


def digest_of(kind: str, reference: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    text = json.dumps([kind, reference, found], sort_keys=True, default=str, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()
