from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from monitoring.inventory.health import band


def three_minutes_on() -> datetime:
    return timezone.now() + timedelta(minutes=3)  # three of the usual report intervals


class ResourceManager(models.Manager["Resource"]):
    """Leaves `said` in the database: only facts.report reads it, and it doubles the size of a row."""

    def get_queryset(self) -> models.QuerySet["Resource"]:
        return super().get_queryset().defer("said")

    def locked(self, **which: Any) -> models.QuerySet["Resource"]:
        """Locked until the transaction ends, by id: everybody locks in this order, so no two wait for each other.

        Rows that point at these (children, series) may be written meanwhile.
        """
        return self.get_queryset().select_for_update(of=("self",), no_key=True).filter(**which).order_by("id")


class Resource(models.Model):
    """A thing that is watched: host, vm, pod, node, device, service, gpu, agent …

    `state` says whether it still reports; `health` (0-100, None = not judged yet) and `reasons` say how it is.
    Only while it reports has it a health: what is stale or gone is never shown as healthy.
    """

    class State(models.TextChoices):
        REPORTING = "reporting"
        STALE = "stale"  # missed its reports
        GONE = "gone"  # silent so long that it is taken to be removed

    kind = models.CharField(max_length=32)
    name = models.CharField(max_length=255)
    labels = models.JSONField(default=dict, blank=True)  # {str: str}, for grouping and search
    facts = models.JSONField(default=dict, blank=True)  # what sources report beyond samples: OS, model, top processes …
    said = models.JSONField(default=dict, blank=True)  # who said which label and fact, and since when (facts.py)
    parent = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="children")
    source = models.ForeignKey("monitoring.Source", models.SET_NULL, null=True, blank=True, related_name="resources")  # reported last
    ephemeral = models.BooleanField(default=False)  # pods and the like: deleted some time after they are gone
    state = models.CharField(max_length=12, choices=State, default=State.REPORTING)
    health = models.PositiveSmallIntegerField(null=True, blank=True)
    reasons = models.JSONField(default=list, blank=True)  # [{"severity", "text", "metric", "value", "limit", "points"}]
    report_interval = models.PositiveIntegerField(default=60)  # seconds between reports, as its source promises
    first_seen = models.DateTimeField(default=timezone.now)
    last_seen = models.DateTimeField(default=timezone.now)
    stale_at = models.DateTimeField(default=three_minutes_on)  # three reports missed by then
    health_since = models.DateTimeField(default=timezone.now)  # since when it is in this band or state
    boot_time = models.FloatField(null=True, blank=True)  # node_boot_time_seconds as judged last: a later one is a reboot

    objects = ResourceManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="one_resource_per_kind_and_name")]
        indexes = [
            models.Index(fields=["state", "stale_at"], name="resource_staleness"),  # lifecycle.age: who missed its reports
            models.Index(fields=["state", "last_seen"], name="resource_silence"),  # lifecycle.age: who is gone
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def status(self) -> str:
        """stale, gone, unknown, healthy, degraded or down: the one word a page shows."""
        return band(self.health) if self.state == self.State.REPORTING else self.state


class Dependency(models.Model):
    """One resource needs another to work: a service its database, a host its switch. What it runs on is its `parent`."""

    from_resource = models.ForeignKey(Resource, models.CASCADE, related_name="needs")
    to_resource = models.ForeignKey(Resource, models.CASCADE, related_name="needed_by")
    kind = models.CharField(max_length=32, default="needs")  # needs, calls, stores in, is reached through …
    source = models.CharField(max_length=100, blank=True, default="")  # who says so: a source's or a person's name
    seen_at = models.DateTimeField(default=timezone.now)  # when it was said last

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["from_resource", "to_resource", "kind"], name="one_dependency_per_pair_and_kind"),
            models.CheckConstraint(condition=~models.Q(from_resource=models.F("to_resource")), name="nothing_needs_itself"),
        ]

    def __str__(self) -> str:
        return f"{self.from_resource_id} {self.kind} {self.to_resource_id}"


class ResourceChange(models.Model):
    """What changed, in one sentence. Outlives its resource, so name and kind are kept as text."""

    class Kind(models.TextChoices):
        DISCOVERED = "discovered"
        STATE = "state"
        HEALTH = "health"
        FACTS = "facts"
        LABELS = "labels"
        REBOOTED = "rebooted"
        CLOCK = "clock"
        DELETED = "deleted"

    resource = models.ForeignKey(Resource, models.SET_NULL, null=True, related_name="changes")
    resource_kind = models.CharField(max_length=32)
    resource_name = models.CharField(max_length=255)
    time = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=12, choices=Kind)
    text = models.CharField(max_length=500)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["time"], name="change_time"),  # what changed in the last hour; expiry
            models.Index(fields=["resource", "time"], name="change_resource"),  # a resource's own history
        ]

    def __str__(self) -> str:
        return f"{self.resource_name}: {self.text}"

    @classmethod
    def of(cls, resource: Resource, kind: str, text: str, before: Any = None, after: Any = None) -> "ResourceChange":
        """Unsaved; many are written at once."""
        told = text if len(text) <= 500 else f"{text[:499]}…"
        return cls(
            resource=resource, resource_kind=resource.kind, resource_name=resource.name, kind=kind, text=told, before=before, after=after
        )
