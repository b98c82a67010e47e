from typing import Any

from django.db import models
from django.urls import reverse
from django.utils import timezone

from aiops.crypto import EncryptedJSONField
from aiops.plugins import PluginError
from monitoring.sources import doors
from monitoring.sources.pollers.base import Poller, poller_class

KEPT_OUTCOMES = 60


class Source(models.Model):
    """Somewhere samples and facts come from: polled by the plugin its kind names (sources/pollers), or, with a kind push_<door>, a sender
    that posts to one of our doors and is never polled (sources/push.py).

    Whoever holds the lease polls: `lease` names the claim, `leased_until` ends it when its worker died.
    """

    name = models.CharField(max_length=150, unique=True)
    kind = models.CharField(max_length=32)
    enabled = models.BooleanField(default=True)
    interval = models.PositiveIntegerField("interval, seconds", default=15)
    timeout = models.PositiveIntegerField("time-out, seconds", default=10)
    config = models.JSONField(default=dict, blank=True)
    secrets: Any = EncryptedJSONField(default=dict, blank=True)

    due_at = models.DateTimeField(default=timezone.now)
    lease = models.CharField(max_length=36, blank=True, default="")
    leased_until = models.DateTimeField(null=True, blank=True)
    last_attempt = models.DateTimeField(null=True, blank=True)
    last_success = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)
    last_error_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)  # in a row
    broken_until = models.DateTimeField(null=True, blank=True)  # circuit open: not polled before this
    last_samples = models.PositiveIntegerField(default=0)
    last_duration_ms = models.FloatField(null=True, blank=True)
    outcomes = models.JSONField(default=list, blank=True)  # the latest: [t_ms, duration_ms, samples, error or ""], newest last
    cursor = models.BigIntegerField(null=True, blank=True)  # ms UTC up to which a source with a memory of its own has been read

    class Meta:
        indexes = [models.Index(fields=["enabled", "due_at"], name="source_due")]  # poll_due, every second

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("source", args=[self.pk])

    @property
    def poller(self) -> type[Poller] | None:
        """None for a kind that does not exist any more."""
        try:
            return poller_class(self.kind)
        except PluginError:
            return None

    @property
    def pushed(self) -> bool:
        """It sends of its own accord."""
        return self.kind.startswith(doors.PUSHED)

    @property
    def kind_label(self) -> str:
        if self.pushed:
            return doors.of(self.kind).label
        return self.poller.label if self.poller else self.kind

    @property
    def icon(self) -> str:
        return doors.of(self.kind).icon if self.pushed else self.poller.icon if self.poller else "unknown"

    @property
    def status(self) -> str:
        """disabled, waiting (not polled yet), broken (circuit open), failing, stale (silent too long) or ok."""
        now = timezone.now()
        if not self.enabled:
            return "disabled"
        if self.broken_until and self.broken_until > now:
            return "broken"
        if self.failures:
            return "failing"
        if self.last_success is None:
            return "waiting"
        return "stale" if (now - self.last_success).total_seconds() > max(3 * self.interval, 30) else "ok"

    @property
    def polling(self) -> bool:
        return bool(self.lease) and self.leased_until is not None and self.leased_until > timezone.now()

    @property
    def next_due(self) -> Any:
        """When it is polled next; None while disabled."""
        if not self.enabled:
            return None
        return max(self.due_at, self.broken_until) if self.broken_until else self.due_at


class Target(models.Model):
    """One address of a source that has several, as its latest poll found it."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="targets")
    address = models.CharField(max_length=500)  # where it is asked, as a URL
    labels = models.JSONField(default=dict, blank=True)  # {str: str} its samples carry: job, instance …
    up = models.BooleanField(null=True)  # None = not asked yet
    error = models.CharField(max_length=500, blank=True)  # of the latest attempt
    asked_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(null=True)  # since when it has been up or down
    duration_ms = models.FloatField(null=True)
    samples = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "address"], name="one_target_per_source_and_address")]

    def __str__(self) -> str:
        return self.address

    @property
    def seconds(self) -> float | None:
        return None if self.duration_ms is None else self.duration_ms / 1000
