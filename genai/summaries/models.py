"""Texts about things, kept beside them: made when they are first looked at, and anew when the thing went on."""

from django.db import models
from django.utils import timezone


class Summary(models.Model):
    """A text of one kind about one subject. `basis` is the hash of what it was made from: another basis, another text."""

    kind = models.CharField(max_length=32)  # alert, incident, review, risk, runbook, anomaly (summaries/kinds.py)
    subject = models.CharField(max_length=120)  # "alert:7"
    basis = models.CharField(max_length=64)
    text = models.TextField(blank=True, default="")  # Markdown; evidence as [E12], guesses as [guess]
    data = models.JSONField(default=dict, blank=True)  # what belongs to it beside the words
    state = models.CharField(max_length=8, default="waiting")  # waiting, done, failed
    error = models.CharField(max_length=500, blank=True, default="")
    model = models.CharField(max_length=200, blank=True, default="")  # empty: composed without one
    completion = models.ForeignKey("genai.Completion", models.SET_NULL, null=True, blank=True, related_name="+")
    rating = models.SmallIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "subject", "basis"], name="one_summary_per_basis")]
        indexes = [
            models.Index(fields=["kind", "subject", "-created_at"], name="summary_subject"),  # the latest of a subject
            models.Index(fields=["created_at"], name="summary_time"),  # expiry
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.subject}"


class Digest(models.Model):
    """What happened in a shift or a week."""

    class Kind(models.TextChoices):
        SHIFT = "shift", "Shift"
        WEEK = "week", "Week"

    kind = models.CharField(max_length=5, choices=Kind)
    start = models.DateTimeField()
    end = models.DateTimeField()
    figures = models.JSONField(default=dict)  # what it rests on
    text = models.TextField(blank=True, default="")
    model = models.CharField(max_length=200, blank=True, default="")
    mailed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-end"]
        constraints = [models.UniqueConstraint(fields=["kind", "start", "end"], name="one_digest_per_span")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} to {self.end:%Y-%m-%d %H:%M}"
