"""Changing what notifications are made of. Every change is checked, stored and an audit entry; pages, API and admin come here."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import models, transaction
from django.db.models import ProtectedError

from accounts import audit
from aiops import plugin_forms
from monitoring.alerts.transitions import Who
from monitoring.inventory.merging import storable
from monitoring.notifications import health
from monitoring.notifications.channels.base import channel_class
from monitoring.notifications.models import (
    Channel,
    ContactMethod,
    EscalationPolicy,
    EscalationStep,
    Route,
    Schedule,
    ScheduleLayer,
    ScheduleOverride,
)

NAMES: dict[type[models.Model], str] = {
    Channel: "notification_channel",
    ContactMethod: "contact_method",
    EscalationPolicy: "escalation_policy",
    Route: "notification_route",
    Schedule: "oncall_schedule",
    ScheduleOverride: "oncall_override",
}
EDITED = (
    "name", "kind", "enabled", "config", "secrets", "quiet_from", "quiet_to", "quiet_days", "quiet_except", "time_zone",
)  # fmt: skip  # of a channel: an attempt may be writing its other columns
STATE = {"last_attempt", "last_success", "last_answer", "failures", "dead_since"}  # a channel's own, nobody's change


class InUse(Exception):
    """It cannot be deleted: `message` says what needs it."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def name_of(row: models.Model) -> str:
    return NAMES.get(type(row), row._meta.model_name or "")


def snapshot(row: models.Model) -> dict[str, Any]:
    """As the audit trail shows it: of secrets only which there are, of what belongs to it the words."""
    told = {name: value for name, value in audit.snapshot(row).items() if name not in STATE}
    if isinstance(row, Channel):
        told["secrets"] = sorted(row.secrets)
    if row.pk and isinstance(row, Route):
        told["channels"] = sorted(row.channels.values_list("name", flat=True))
    if row.pk and isinstance(row, EscalationPolicy):
        steps = row.steps.select_related("user", "schedule", "channel").order_by("position", "id")
        told["steps"] = [f"after {step.wait} s: {step.whom}" for step in steps]
    if row.pk and isinstance(row, Schedule):
        told["layers"] = [_layer(one) for one in row.layers.order_by("position", "id")]
    return told


def _layer(one: ScheduleLayer) -> dict[str, Any]:
    return {name: value for name, value in audit.snapshot(one).items() if name not in ("schedule_id", "position")}


def save(row: models.Model, actor: Who = None, before: Mapping[str, Any] | None = None, **parts: Sequence[Any]) -> Any:
    """Stores a new or changed row that was checked (full_clean). `parts` replace what belongs to it: channels of a route, steps of a
    policy, layers of a schedule. `before`: its snapshot before it was changed, None for a new one."""
    with transaction.atomic():
        row.save()
        for name, rows in parts.items():
            _replace(row, name, rows)
        after = snapshot(row)
        if before is None:
            audit.record(f"{name_of(row)}.added", target=row, after=after, actor=actor)
        elif dict(before) != after:
            audit.record(f"{name_of(row)}.changed", target=row, **audit.changes(before, after), actor=actor)
    return row


def _replace(row: Any, name: str, rows: Sequence[Any]) -> None:
    if name == "channels":
        row.channels.set(rows)
        return
    getattr(row, name).all().delete()
    for place, one in enumerate(rows):
        one.pk, one.position = None, place
        setattr(one, "policy" if isinstance(one, EscalationStep) else "schedule", row)
        one.save(force_insert=True)


def save_channel(channel: Channel, actor: Who = None, before: Mapping[str, Any] | None = None, secrets_changed: bool = False) -> Channel:
    """A channel that was changed begins afresh: its failures were those of another configuration."""
    with transaction.atomic():
        if before is not None and secrets_changed:
            before = {**before, "secrets changed": False}
        if before is None:
            return save(channel, actor)
        after = {**snapshot(channel), **({"secrets changed": True} if secrets_changed else {})}
        if dict(before) != after:
            health.revive(channel, "the channel was changed")
            channel.failures, channel.dead_since = 0, None
            channel.save(update_fields=[*EDITED, "failures", "dead_since"])
            audit.record("notification_channel.changed", target=channel, **audit.changes(before, after), actor=actor)
    return channel


def delete(row: models.Model, actor: Who = None) -> None:
    """Raises InUse when routes, steps or contacts need it."""
    told, pk = snapshot(row), row.pk
    try:
        with transaction.atomic():
            row.delete()
            row.pk = pk  # for the trail
            if isinstance(row, Channel):
                health.revive(row, "the channel was deleted")
            audit.record(f"{name_of(row)}.deleted", target=row, before=told, actor=actor)
    except ProtectedError as fault:
        users = sorted({str(one) for one in fault.protected_objects})
        raise InUse(f"It is used by {', '.join(users[:3])}{' and others' if len(users) > 3 else ''}.") from None


# -- what a kind of channel declares -----------------------------------------------------------------------------------------
def configure(channel: Channel, config: Mapping[str, Any], secrets: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is wrong, by field: see plugin_forms.configure."""
    return plugin_forms.configure(channel, channel_class, config, secrets, storable)
