"""What may be done, when it is done by itself, through which systems, and everything that was done: one Execution is one case.

A case goes from state to state (`execute` is the only writer of states), each change a Transition; what it does are its Steps, taken from
the version of the runbook it was proposed with. Durations are seconds.
"""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from aiops.crypto import EncryptedJSONField
from remediation.case_models import Approval, Execution, LogLine, Risk, Step, Transition, Vote

__all__ = [
    "Approval",
    "AutomationRule",
    "Execution",
    "KillSwitch",
    "LogLine",
    "MatchedUntil",
    "PolicyRow",
    "Provider",
    "Risk",
    "RuleDecision",
    "Runbook",
    "RunbookVersion",
    "Step",
    "Transition",
    "Vote",
]


class Provider(models.Model):
    """A system that is acted through: its kind names the plugin (remediation/providers), `config` and `secrets` hold what that declares."""

    name = models.CharField(max_length=150, unique=True)
    kind = models.CharField(max_length=32)
    enabled = models.BooleanField(default=True)
    config = models.JSONField(default=dict, blank=True)
    secrets: Any = EncryptedJSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    checked_at = models.DateTimeField(null=True, blank=True)
    check_error = models.CharField(max_length=500, blank=True, default="")  # of the last check; empty: it was well
    check_detail = models.CharField(max_length=500, blank=True, default="")  # what it said: version, who we are there
    last_used = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def health(self) -> str:
        """disabled, waiting (never checked), failing or ok."""
        if not self.enabled:
            return "disabled"
        return "failing" if self.check_error else "ok" if self.checked_at else "waiting"


class KillSwitch(models.Model):
    """While `on`, nothing new is begun in its scope: everything ("all"), or what goes through one provider ("provider:<id>")."""

    scope = models.CharField(max_length=40, unique=True)
    on = models.BooleanField(default=False)
    reason = models.CharField(max_length=300, blank=True, default="")
    actor = models.CharField(max_length=200, blank=True, default="system")
    changed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.scope}: {'stopped' if self.on else 'released'}"


class Runbook(models.Model):
    """A way to mend something. What it does is its current version; cases keep the version they were proposed with."""

    class Origin(models.TextChoices):
        UI = "ui", "Made here"
        FILE = "file", "File"
        PACK = "pack", "Shipped"

    key = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    enabled = models.BooleanField(default=True)
    origin = models.CharField(max_length=4, choices=Origin, default=Origin.UI)
    current = models.ForeignKey("RunbookVersion", models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class RunbookVersion(models.Model):
    """Never changed once written."""

    runbook = models.ForeignKey(Runbook, models.CASCADE, related_name="versions", db_index=False)  # one_number_per_runbook
    number = models.PositiveIntegerField()
    spec = models.JSONField()  # as spec.parse reads it
    comment = models.CharField(max_length=300, blank=True, default="")
    actor = models.CharField(max_length=200, blank=True, default="system")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["runbook_id", "-number"]
        constraints = [models.UniqueConstraint(fields=["runbook", "number"], name="one_number_per_runbook")]

    def __str__(self) -> str:
        return f"{self.runbook}, version {self.number}"


class AutomationRule(models.Model):
    """Which alerts propose what. `match` says which alerts, `guards` how often and how far, `action` what: a runbook with
    parameters, or one action of a provider. The three are what rule_files reads and writes."""

    key = models.CharField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    enabled = models.BooleanField(default=True)
    dry_run = models.BooleanField(default=False)  # it says what it would do
    position = models.PositiveIntegerField(default=0)  # the first that matches and is let through acts
    match = models.JSONField(default=dict)
    guards = models.JSONField(default=dict)
    runbook = models.ForeignKey(Runbook, models.PROTECT, null=True, blank=True, related_name="rules")
    parameters = models.JSONField(default=dict, blank=True)  # {name: value or template}
    action = models.JSONField(default=dict, blank=True)  # {"provider", "verb", "params"} where there is no runbook
    origin = models.CharField(max_length=4, choices=Runbook.Origin, default=Runbook.Origin.UI)
    breaker_reset_at = models.DateTimeField(null=True, blank=True)  # failures before it do not count any more
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name


class RuleDecision(models.Model):
    """Why a rule did or did not act on an alert: the step that ended it, in words and with what it looked at."""

    class Outcome(models.TextChoices):
        PROPOSED = "proposed", "Proposed"
        REHEARSED = "rehearsed", "Would have proposed"  # dry run
        NOT_MATCHED = "not_matched", "Does not match"
        HELD = "held", "Held back"  # a guard
        FAILED = "failed", "Could not be proposed"

    rule = models.ForeignKey(AutomationRule, models.CASCADE, related_name="decisions", db_index=False)  # decision_rule
    alert = models.ForeignKey("monitoring.Alert", models.CASCADE, related_name="remediation_decisions", db_index=False)
    firing = models.DateTimeField()  # of the alert: one that fires again is looked at again
    time = models.DateTimeField(default=timezone.now)
    outcome = models.CharField(max_length=12, choices=Outcome)
    step = models.CharField(max_length=32, blank=True, default="")  # severity, labels, cooldown, blast_radius, breaker …
    reason = models.TextField(blank=True, default="")
    facts = models.JSONField(default=dict, blank=True)
    execution = models.ForeignKey("Execution", models.SET_NULL, null=True, blank=True, related_name="decisions")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["alert", "rule", "firing"], name="one_decision_per_firing")]
        indexes = [
            models.Index(fields=["rule", "-time"], name="decision_rule"),  # history of a rule
            models.Index(fields=["time"], name="decision_age"),  # expires
        ]

    def __str__(self) -> str:
        return f"{self.rule}: {self.outcome}"


class MatchedUntil(models.Model):
    """Up to which alert transition rules have been asked; one row. What came since is looked at next, also after a crash."""

    transition = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.transition)


class PolicyRow(models.Model):
    """One line of the policy table: the first whose conditions hold decides. An empty condition holds always."""

    class Verdict(models.TextChoices):
        AUTOMATIC = "automatic", "Runs by itself"
        ONE = "one", "One approver"
        TWO = "two", "Two approvers"
        FORBIDDEN = "forbidden", "Never"

    position = models.PositiveIntegerField(default=0)
    name = models.CharField(max_length=200)
    conditions = models.JSONField(default=dict, blank=True)  # {"score_from", "score_below", "risk", "reversible", "environment", …}
    verdict = models.CharField(max_length=9, choices=Verdict)
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name
