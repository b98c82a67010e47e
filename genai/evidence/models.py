"""A piece of evidence: what a claim rests on, kept so that anybody can open it and the checker can ask again."""

from django.db import models
from django.utils import timezone


class Evidence(models.Model):
    """Written once. `reference` says what to look up again, by kind (evidence/kinds.py); `found` is what was there, `digest` its hash."""

    class Kind(models.TextChoices):
        SERIES = "series", "Series"  # {"query", "start", "end", "step"}
        ALERT = "alert", "Alert"  # {"id"}
        INCIDENT = "incident", "Past case"  # {"id"}
        CHANGE = "change", "Change"  # {"id"}
        FORECAST = "forecast", "Forecast"  # {"id"}
        ANOMALY = "anomaly", "Anomaly"  # {"id"}
        EXECUTION = "execution", "Remediation"  # {"id"}
        RUNBOOK = "runbook", "Runbook"  # {"key", "version"}
        RESOURCE = "resource", "Resource"  # {"id"}
        TOPOLOGY = "topology", "Dependency"  # {"from", "to"}
        DOCUMENT = "document", "Document"  # {"id", "chunk"}
        AUDIT = "audit", "Audit"  # {"id"}; for those who may read the trail

    kind = models.CharField(max_length=10, choices=Kind)
    digest = models.CharField(max_length=64)  # SHA-256 of kind, reference and found
    title = models.CharField(max_length=300)  # what it is, in words
    found_text = models.CharField(max_length=500, blank=True, default="")  # what it shows: "84 → 221 of 240"
    reference = models.JSONField(default=dict)
    found = models.JSONField(default=dict)  # what was there: for series {"points", "min", "max", "first", "last", "mean"}
    permission = models.CharField(max_length=60, default="monitoring:read")  # who may see it
    start = models.DateTimeField(null=True, blank=True)  # what it is about
    end = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)  # expiry
    checked_at = models.DateTimeField(null=True, blank=True)
    holds = models.BooleanField(null=True, blank=True)  # as checked last; None: not checked yet, or no longer there to be checked

    class Meta:
        constraints = [models.UniqueConstraint(fields=["digest"], name="one_evidence_per_digest")]

    def __str__(self) -> str:
        return f"E{self.pk} {self.title}"
