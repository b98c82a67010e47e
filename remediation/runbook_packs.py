"""The shipped runbooks as this release has them. One that was edited here stays as it was edited."""

import hashlib
from functools import cache
from pathlib import Path

from django.conf import settings
from django.db import transaction

from aiops import resume
from remediation import runbook_files, versions
from remediation.models import Runbook, RunbookVersion
from remediation.spec import Spec

PACKS = Path(__file__).parent / "packs"
ACTOR = "the shipped runbooks"


@cache
def shipped() -> tuple[Spec, ...]:
    """As the files of this release say. Raises UnreadableFile; a runbook that cannot be read fails a test, not an installation."""
    texts = (path.read_text(encoding="utf-8") for path in sorted(PACKS.glob("*.yml")))
    return tuple(spec for text in texts for spec in runbook_files.load(text).specs)


def install() -> int:
    """How many were added or changed. Whether one is enabled is the operators' to say, and kept."""
    count = 0
    with transaction.atomic():
        for spec in shipped():
            known = Runbook.objects.select_related("current").filter(key=spec.id).first()
            if known is None:
                versions.add(spec, ACTOR, Runbook.Origin.PACK, "Shipped")
                count += 1
            elif known.origin == Runbook.Origin.PACK and not edited(known.current) and known.current and known.current.spec != spec.raw:
                versions.save(known, spec, ACTOR, "Shipped with a newer release")
                count += 1
    return count


def edited(version: RunbookVersion | None) -> bool:
    """Whether somebody made it otherwise than it was shipped."""
    return version is not None and version.actor != ACTOR


@resume.register
def refresh() -> bool:
    """A release may bring other runbooks without a migration: embedded mode looks at each start whether they changed."""
    stamp = settings.DATA_DIR / "runbook-packs"
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(PACKS.glob("*.yml")))).hexdigest()
    if not settings.RUNBOOK_PACKS or (stamp.is_file() and stamp.read_text() == digest):
        return False
    install()
    stamp.write_text(digest)
    return True
