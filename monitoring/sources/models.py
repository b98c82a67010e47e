from django.db import models
from django.utils import timezone

from aiops.crypto import EncryptedJSONField


class Source(models.Model):
    """Somewhere samples and facts come from, polled by the plugin its kind names (sources/pollers)."""

    name = models.CharField(max_length=150, unique=True)
    kind = models.CharField(max_length=32)
    enabled = models.BooleanField(default=True)
    interval = models.PositiveIntegerField("interval, seconds", default=15)
    timeout = models.PositiveIntegerField("time-out, seconds", default=10)
    config = models.JSONField(default=dict, blank=True)
    secrets = EncryptedJSONField(default=dict, blank=True)

    due_at = models.DateTimeField(default=timezone.now)
    leased_until = models.DateTimeField(null=True, blank=True)  # a poll is under way; expires with the worker that died
    last_attempt = models.DateTimeField(null=True, blank=True)
    last_success = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)
    last_error_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)  # in a row
    broken_until = models.DateTimeField(null=True, blank=True)  # circuit open: not polled before this
    last_samples = models.PositiveIntegerField(default=0)
    last_duration_ms = models.FloatField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["enabled", "due_at"], name="source_due")]  # poll_due, every second

    def __str__(self) -> str:
        return self.name
