"""What was found when it was asked why."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class Analysis(models.Model):
    """Ranked hypotheses for an alert, an incident or a window of time, as of `created_at`. Made anew when what it is about goes on."""

    subject = models.CharField(max_length=120)  # "alert:7", "incident:7", "window:<resource id>"
    start = models.DateTimeField()
    end = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")  # None: by itself
    state = models.CharField(max_length=8, default="asked")  # asked, done, failed
    error = models.CharField(max_length=500, blank=True, default="")
    hypotheses = models.JSONField(default=list, blank=True)  # causes/shapes.py: Hypothesis, best first
    looked_at = models.JSONField(default=dict, blank=True)  # {"resources", "series", "changes", "past", "left_out"}: how much was looked at
    cpu_ms = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["subject", "-created_at"], name="analysis_subject"),  # the latest of a subject
            models.Index(fields=["created_at"], name="analysis_time"),  # expiry
        ]

    def __str__(self) -> str:
        return self.subject
