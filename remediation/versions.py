"""The only writer of runbooks and their versions. What a runbook does changes by a new version; an old one stays as it was."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import ApiToken, User
from remediation.diff import changes
from remediation.models import Runbook, RunbookVersion
from remediation.spec import Spec, parse

Who = User | ApiToken | str | None


class Refused(ValueError):
    """One sentence for people."""


def add(spec: Spec, actor: Who, origin: Runbook.Origin = Runbook.Origin.UI, comment: str = "") -> Runbook:
    """Raises Refused where there is one of this id."""
    with transaction.atomic():
        runbook, new = Runbook.objects.get_or_create(key=spec.id, defaults={"name": spec.name, "origin": origin})
        if not new:
            raise Refused(f"There is a runbook {spec.id} already.")
        save(runbook, spec, actor, comment)
    return runbook


def save(runbook: Runbook, spec: Spec, actor: Who, comment: str = "") -> RunbookVersion:
    """Its next version, which is the current one from now on; the current one where nothing changed. Raises Refused."""
    if spec.id != runbook.key:
        raise Refused(f"The id of a runbook stays: this one is {runbook.key}, not {spec.id}.")
    with transaction.atomic():
        locked = Runbook.objects.select_for_update(of=("self",), no_key=True).select_related("current").get(pk=runbook.pk)
        before = locked.current
        if before is not None and before.spec == spec.raw:
            return before
        comment = comment.replace("\0", "")[:300]
        version = RunbookVersion.objects.create(
            runbook=locked, number=_last_number(locked) + 1, spec=spec.raw, comment=comment, **_by(actor)
        )
        _become(runbook, version, spec)
        audit.record(
            "runbook.changed" if before else "runbook.added",
            target=runbook,
            before={"version": before.number} if before else None,
            after={"version": version.number, "comment": comment, "changes": _told(before.spec, spec.raw) if before else []},
            actor=actor,
        )
    return version


def _last_number(runbook: Runbook) -> int:
    return runbook.versions.order_by("-number").values_list("number", flat=True).first() or 0


def _by(actor: Who) -> dict[str, Any]:
    if isinstance(actor, ApiToken):
        return {"actor": f"{actor.user.name}, token {actor.name}"[:200], "user": actor.user}
    if isinstance(actor, str) or actor is None:
        return {"actor": (actor or "system")[:200]}
    return {"actor": actor.name[:200], "user": actor}


def _become(runbook: Runbook, version: RunbookVersion, spec: Spec) -> None:
    runbook.current, runbook.name, runbook.description = version, spec.name, spec.description
    runbook.updated_at = timezone.now()
    runbook.save(update_fields=["current", "name", "description", "updated_at"])


def _told(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return [str(one) for one in changes(before, after)][:20]


def restore(version: RunbookVersion, actor: Who) -> RunbookVersion:
    """An old version as the next one. Raises SpecError where this release cannot read it any more, Refused where it is the current one."""
    if version.runbook.current_id == version.pk:
        raise Refused(f"Version {version.number} is the current one.")
    return save(version.runbook, parse(version.spec), actor, f"As version {version.number}")


def switch(runbook: Runbook, on: bool, actor: Who) -> bool:
    """Whether that changed anything. One that is switched off is proposed by nobody."""
    with transaction.atomic():
        changed = Runbook.objects.filter(pk=runbook.pk, enabled=not on).update(enabled=on, updated_at=timezone.now()) == 1
        if changed:
            audit.record(
                "runbook.enabled" if on else "runbook.disabled",
                target=runbook,
                before={"enabled": not on},
                after={"enabled": on},
                actor=actor,
            )
    runbook.enabled = on
    return changed


def delete(runbook: Runbook, actor: Who) -> None:
    """Raises Refused where it has to stay: cases and rules speak of it."""
    if runbook.origin == Runbook.Origin.PACK:
        raise Refused("A shipped runbook cannot be deleted; switch it off.")
    with transaction.atomic():
        if runbook.rules.exists():
            raise Refused(f"The rule {runbook.rules.first()} proposes it; change that first.")
        if runbook.executions.exists():
            raise Refused("There are cases of it, which keep what it did; switch it off instead.")
        said = {"key": runbook.key, "version": runbook.current.number if runbook.current else 0}
        Runbook.objects.filter(pk=runbook.pk).update(current=None)
        name = str(runbook)
        runbook.versions.all().delete()
        Runbook.objects.filter(pk=runbook.pk).delete()
        audit.record("runbook.deleted", target=name, before=said, actor=actor)


def spec_of(runbook: Runbook) -> Spec:
    """Of its current version. Raises SpecError where this release cannot read it any more."""
    return parse(runbook.current.spec if runbook.current else {})
