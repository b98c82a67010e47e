"""Troubles as people see them: an incident, the alerts it is made of, what happened in it, and what it can be recognised by."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Case, Q, SmallIntegerField, Value, When
from django.utils import timezone

from monitoring.alerts.models import Alert, Severity


class Incident(models.Model):
    """One trouble, from the first alert (or from a person) to its end. Only `correlate`, `tend`, `lifecycle` and `arrange` change rows.

    One that was merged into another is resolved, has no alerts of its own any more and is counted by nobody: see `counted`.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        ACKNOWLEDGED = "acknowledged"
        INVESTIGATING = "investigating"
        MITIGATED = "mitigated"  # it hurts nobody now; over for good or not is to be seen
        RESOLVED = "resolved"

    class Resolution(models.TextChoices):
        RECOVERED = "recovered"  # its alerts ended and stayed so
        MANUAL = "manual"  # a person said so
        MERGED = "merged"

    title = models.CharField(max_length=300)
    named = models.BooleanField(default=False)  # a person gave the title: it does not follow the root alert
    severity = models.CharField(max_length=8, choices=Severity, default=Severity.MEDIUM)
    rated = models.BooleanField(default=False)  # a person gave the severity: it does not follow the alerts
    status = models.CharField(max_length=13, choices=Status, default=Status.OPEN)
    commander = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="incidents")
    manual = models.BooleanField(default=False)  # opened, or opened again, by a person: only people resolve it
    arranged = models.BooleanField(default=False)  # a person chose its alerts: it is never merged by itself
    root_alert = models.ForeignKey(Alert, models.SET_NULL, null=True, blank=True, related_name="+")
    services = models.JSONField(default=list, blank=True)  # names, from its alerts' labels
    alert_count = models.PositiveIntegerField(default=0)  # stays when old alerts expire

    started_at = models.DateTimeField(default=timezone.now)  # when the condition of its earliest alert began to hold
    detected_at = models.DateTimeField(default=timezone.now)  # when its earliest alert fired, or a person opened it
    opened_at = models.DateTimeField(default=timezone.now)  # when the row was made
    last_alert_at = models.DateTimeField(default=timezone.now)  # when the latest of its alerts fired
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    mitigated_at = models.DateTimeField(null=True, blank=True)  # its last alert ended, or a person said so
    resolved_at = models.DateTimeField(null=True, blank=True)  # with resolution `recovered`: when its last alert ended
    resolution = models.CharField(max_length=9, choices=Resolution, blank=True, default="")
    merged_into = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="merged")
    notes_md = models.TextField(blank=True, default="")  # the review afterwards, Markdown
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        indexes = [
            models.Index(fields=["status", "-detected_at"], name="incident_status"),  # the list; what is open
            models.Index(fields=["-detected_at"], name="incident_detected"),  # all, newest first; figures over a time
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"

    @property
    def number(self) -> str:
        return f"INC-{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.status != self.Status.RESOLVED

    @classmethod
    def counted(cls) -> models.QuerySet["Incident"]:
        """Without those that were merged into others."""
        return cls.objects.filter(merged_into=None).exclude(resolution=cls.Resolution.MERGED)


class IncidentAlert(models.Model):
    """That an alert belongs to an incident, and why. An alert belongs to one at most."""

    class Role(models.TextChoices):
        ROOT = "root"  # the deepest cause that is known
        SYMPTOM = "symptom"  # what it is about runs on, or needs, what another alert of the incident is about
        MEMBER = "member"

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="members", db_index=False)  # member_incident
    alert = models.ForeignKey(Alert, models.CASCADE, related_name="memberships", db_index=False)  # one_incident_per_alert
    role = models.CharField(max_length=8, choices=Role, default=Role.MEMBER)
    relation = models.CharField(max_length=16, blank=True, default="")  # resource, on, needs, beside, shared, label, storm, person …
    reason = models.CharField(max_length=300, blank=True, default="")  # in words: why it belongs here
    joined_at = models.DateTimeField(default=timezone.now)
    actor = models.CharField(max_length=200, blank=True, default="system")  # who put it here

    class Meta:
        constraints = [models.UniqueConstraint(fields=["alert"], name="one_incident_per_alert")]
        indexes = [models.Index(fields=["incident", "role"], name="member_incident")]  # an incident's alerts; its root

    def __str__(self) -> str:
        return f"{self.role}: {self.reason}"


ROOT_FIRST = Case(When(role="root", then=Value(0)), When(role="symptom", then=Value(1)), default=Value(2), output_field=SmallIntegerField())


class TakenOut(models.Model):
    """A person said that this alert does not belong to the incident; it stays by itself until a person puts it somewhere."""

    alert = models.OneToOneField(Alert, models.CASCADE, related_name="taken_out")
    incident = models.ForeignKey(Incident, models.SET_NULL, null=True, blank=True, related_name="+")
    actor = models.CharField(max_length=200, blank=True, default="system")
    time = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.actor} took it out"


class IncidentKey(models.Model):
    """What an unresolved incident is recognised by when further alerts come (relations.py), and when it was seen last."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="keys", db_index=False)  # one_key_per_incident
    key = models.CharField(max_length=250)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["incident", "key"], name="one_key_per_incident")]
        indexes = [models.Index(fields=["key", "seen_at"], name="incident_key")]  # which incidents an alert may belong to

    def __str__(self) -> str:
        return self.key


class StatusChange(models.Model):
    """One step of an incident from status to status."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="status_changes", db_index=False)
    time = models.DateTimeField(default=timezone.now)
    before = models.CharField(max_length=13, blank=True, default="")
    after = models.CharField(max_length=13)
    reason = models.TextField(blank=True, default="")
    actor = models.CharField(max_length=200, blank=True, default="system")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        indexes = [
            models.Index(fields=["incident", "id"], name="status_change_incident"),  # an incident's own history
            models.Index(fields=["time"], name="status_change_time"),  # figures over a time
        ]

    def __str__(self) -> str:
        return f"{self.before} → {self.after}"


class TimelineEntry(models.Model):
    """One sentence about what happened. `key` tells apart what is told only once, however often the teller tries."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="timeline", db_index=False)
    time = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=16)  # opened, alert, status, note, change, notification, action, merge …
    text = models.TextField()
    actor = models.CharField(max_length=200, blank=True, default="system")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    url = models.CharField(max_length=500, blank=True, default="")
    data: Any = models.JSONField(default=dict, blank=True)
    key = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["incident", "key"], condition=~Q(key=""), name="told_once_per_incident"),
        ]
        indexes = [models.Index(fields=["incident", "-time"], name="timeline_incident")]  # an incident's timeline

    def __str__(self) -> str:
        return self.text[:80]
