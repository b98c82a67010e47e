"""Rules, the alerts they and other systems raise, every change of an alert, and what keeps alerts quiet."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class Severity(models.TextChoices):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


RANKS = {"critical": 4, "high": 3, "medium": 2, "low": 1}


class RuleGroup(models.Model):
    """Rules evaluated together, in their order. `lease` names who evaluates them now; `leased_until` ends that when its worker died."""

    class Origin(models.TextChoices):
        UI = "ui", "Made here"
        FILE = "file", "Rule file"
        PACK = "pack", "Shipped"

    name = models.CharField(max_length=200)
    file = models.CharField(max_length=300, blank=True, default="")  # of a file or pack: where it was read from
    interval = models.PositiveIntegerField("interval, seconds", default=15)
    source = models.CharField(max_length=8, choices=Origin, default=Origin.UI)
    locked = models.BooleanField(default=False)  # owned by code: only `enabled` of its rules can be changed

    due_at = models.DateTimeField(default=timezone.now)
    lease = models.CharField(max_length=36, blank=True, default="")
    leased_until = models.DateTimeField(null=True, blank=True)
    last_evaluated = models.DateTimeField(null=True, blank=True)
    last_duration_ms = models.FloatField(null=True, blank=True)  # of all its rules
    last_lag_ms = models.FloatField(null=True, blank=True)  # from when it was due to when it was done
    missed = models.PositiveIntegerField(default=0)  # evaluations left out because an earlier one took too long

    class Meta:
        constraints = [models.UniqueConstraint(fields=["file", "name"], name="one_rule_group_per_file_and_name")]
        indexes = [models.Index(fields=["due_at"], name="rule_group_due")]  # evaluate_due, every second

    def __str__(self) -> str:
        return self.name


class AlertRule(models.Model):
    """A PromQL expression: each series it answers is an alert (kind alert) or a sample to be kept (kind record)."""

    class Kind(models.TextChoices):
        ALERT = "alert"
        RECORD = "record"

    class WithoutData(models.TextChoices):
        """What becomes of an alert whose series has no value any more."""

        RESOLVE = "resolve", "It ends"  # as in Prometheus
        KEEP = "keep", "It goes on firing"
        ALERT = "alert", "An alert of its own fires"

    group = models.ForeignKey(RuleGroup, models.CASCADE, related_name="rules")
    position = models.PositiveIntegerField(default=0)  # within the group
    name = models.CharField(max_length=200)  # of the alert, or of the metric recorded
    key = models.CharField(max_length=210)  # the name, with #2, #3 … where a group has it again: part of its alerts' fingerprints
    kind = models.CharField(max_length=6, choices=Kind, default=Kind.ALERT)
    expr = models.TextField()
    for_seconds = models.PositiveIntegerField(default=0)
    keep_firing_for = models.PositiveIntegerField(default=0)  # seconds
    clears_at = models.FloatField(null=True, blank=True)  # an alert goes on firing until its value is back beyond this one; None: the limit
    without_data = models.CharField(max_length=8, choices=WithoutData, default=WithoutData.RESOLVE)
    severity = models.CharField(max_length=8, choices=Severity, default=Severity.MEDIUM)
    labels = models.JSONField(default=dict, blank=True)  # {str: template}
    annotations = models.JSONField(default=dict, blank=True)  # {str: template}
    runbook_url = models.CharField(max_length=500, blank=True, default="")
    enabled = models.BooleanField(default=True)
    immediate = models.BooleanField(default=False)  # also evaluated as soon as a sample of its metrics arrives
    locked = models.BooleanField(default=False)

    last_evaluated = models.DateTimeField(null=True, blank=True)
    last_duration_ms = models.FloatField(null=True, blank=True)
    last_lag_ms = models.FloatField(null=True, blank=True)
    last_error = models.TextField(blank=True, default="")
    last_series = models.PositiveIntegerField(default=0)  # how many series it answered

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "key"], name="one_rule_per_group_and_key")]
        ordering = ["group_id", "position", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def health(self) -> str:
        """ok, err or unknown, as Prometheus says it."""
        return "err" if self.last_error else "ok" if self.last_evaluated else "unknown"


class Alert(models.Model):
    """One trouble from its beginning to its end. Three axes that do not touch each other: what it does (state), who has it (ownership), and
    what keeps it quiet (suppressed_by). Only lifecycle changes rows."""

    class State(models.TextChoices):
        PENDING = "pending"
        FIRING = "firing"
        RESOLVED = "resolved"

    class Ownership(models.TextChoices):
        NEW = "new"
        ACKNOWLEDGED = "acknowledged"
        IN_PROGRESS = "in_progress"

    class Kind(models.TextChoices):
        REAL = "real"
        ANOMALY = "anomaly"
        PREDICTIVE = "predictive"

    class Resolution(models.TextChoices):
        RECOVERED = "recovered"  # the expression is not true any more
        MANUAL = "manual"  # a person said so
        EXPIRED = "expired"  # its rule is gone, or its sender silent
        SOURCE = "source"  # the system that raised it said so

    fingerprint = models.CharField(max_length=64)  # who raises it, and its labels
    rule = models.ForeignKey(AlertRule, models.SET_NULL, null=True, blank=True, related_name="alerts")
    source = models.CharField(max_length=32, default="rule")  # rule, self, alertmanager, grafana, generic, …
    name = models.CharField(max_length=200)
    severity = models.CharField(max_length=8, choices=Severity, default=Severity.MEDIUM)
    labels = models.JSONField(default=dict, blank=True)  # {str: str}
    annotations = models.JSONField(default=dict, blank=True)  # {str: str}
    resource = models.ForeignKey("monitoring.Resource", models.SET_NULL, null=True, blank=True, related_name="alerts")
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.REAL)
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    ownership = models.CharField(max_length=12, choices=Ownership, default=Ownership.NEW)
    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="alerts")
    value = models.FloatField(null=True, blank=True)  # as old as observed_at
    started_at = models.DateTimeField(default=timezone.now)  # since when its condition holds
    fired_at = models.DateTimeField(null=True, blank=True)  # for the first time
    absent_since = models.DateTimeField(null=True, blank=True)  # its condition does not hold any more, but it is kept firing
    observed_at = models.DateTimeField(default=timezone.now)  # when whoever raises it spoke of it last, at most a minute late
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolution = models.CharField(max_length=10, choices=Resolution, blank=True, default="")
    flapping = models.BooleanField(default=False)
    fires = models.JSONField(default=list, blank=True)  # when it fired lately, ms: what flapping is seen by
    reopened = models.PositiveIntegerField(default=0)
    evidence = models.JSONField(
        default=dict, blank=True
    )  # as it was when it fired: {"expr", "at", "value", "threshold", "op", "samples": [[ms, value], …]}
    suppressed_by = models.JSONField(
        default=list, blank=True
    )  # [{"silence": id, "kind", "reason", "by", "until"}]: a copy that overlay keeps
    suppressed = models.BooleanField(default=False)  # that the list is not empty, for filters

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["fingerprint"], condition=~Q(state="resolved"), name="one_open_alert_per_fingerprint"),
        ]
        indexes = [
            models.Index(fields=["fingerprint", "resolved_at"], name="alert_history"),  # reopening; history of a fingerprint
            models.Index(fields=["state", "-fired_at"], name="alert_state"),  # the list; counts by state
            models.Index(fields=["-fired_at"], name="alert_fired"),  # all alerts, newest first; trends
            models.Index(fields=["resource", "state"], name="alert_resource"),  # of one resource
            models.Index(fields=["rule", "state"], name="alert_rule"),  # evaluation: what is open of these rules
            models.Index(fields=["severity"], condition=~Q(state="resolved"), name="alert_open_severity"),  # facets
            models.Index(fields=["-resolved_at"], condition=Q(state="resolved"), name="alert_ended"),  # the list: what ended lately
            # key figures: all they need of an alert, so that the rows with their evidence are not read
            models.Index(
                fields=[
                    "kind",
                    "fired_at",
                    "severity",
                    "name",
                    "resource",
                    "started_at",
                    "acknowledged_at",
                    "resolved_at",
                    "ownership",
                    "resolution",
                ],
                name="alert_figures",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_open(self) -> bool:
        return self.state != self.State.RESOLVED

    @property
    def lasted(self) -> Any:
        """How long its condition held; None while it does."""
        return self.resolved_at - self.started_at if self.resolved_at else None

    @property
    def summary(self) -> str:
        return str(self.annotations.get("summary") or self.annotations.get("description") or self.name)

    @property
    def runbook_url(self) -> str:
        return str(self.annotations.get("runbook_url", ""))


class AlertTransition(models.Model):
    """One change of one alert on one axis. Ids rise; whoever tells others (notifications, timelines) reads on from the last it has seen."""

    class Axis(models.TextChoices):
        STATE = "state"
        OWNERSHIP = "ownership"
        SUPPRESSION = "suppression"
        SEVERITY = "severity"
        NOTE = "note"

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="transitions")
    time = models.DateTimeField(default=timezone.now)
    axis = models.CharField(max_length=12, choices=Axis)
    before = models.CharField(max_length=200, blank=True, default="")
    after = models.CharField(max_length=200, blank=True, default="")
    reason = models.TextField(blank=True, default="")
    actor = models.CharField(max_length=200, blank=True, default="system")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        indexes = [
            models.Index(fields=["alert", "id"], name="transition_alert"),  # an alert's own history
            models.Index(fields=["time"], name="transition_time"),  # figures over a time
            models.Index(  # key figures: which alerts were quiet or flapped
                fields=["axis", "time", "after", "alert"], condition=Q(axis__in=["suppression", "note"]), name="transition_quiet"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.axis}: {self.before} → {self.after}"


class Silence(models.Model):
    """Keeps matching alerts quiet: once from starts_at to ends_at, or, with `rrule`, for that long from every occurrence on."""

    class Kind(models.TextChoices):
        SILENCE = "silence"
        MAINTENANCE = "maintenance"

    matchers = models.JSONField()  # [{"name", "op", "value"}], op one of = != =~ !~; all must match
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.SILENCE)
    reason = models.TextField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    rrule = models.TextField(blank=True, default="")  # RFC 5545, without DTSTART: that is starts_at
    time_zone = models.CharField(max_length=64, default="UTC")  # by which a recurring one keeps its hour
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)  # ended by a person before its time
    ended_by = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        indexes = [models.Index(fields=["ended_at", "ends_at"], name="silence_current")]  # which there are now

    def __str__(self) -> str:
        return self.reason[:80]

    @property
    def duration(self) -> Any:
        return self.ends_at - self.starts_at
