"""A case: from the proposal to the outcome, with its steps, their output, and what people said. `models` has it all under one name."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class Risk(models.TextChoices):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Execution(models.Model):
    """A case: from the proposal to the outcome."""

    class State(models.TextChoices):
        PROPOSED = "proposed", "Waiting for approval"
        APPROVED = "approved", "Approved"
        RUNNING = "running", "Running"
        VERIFYING = "verifying", "Verifying"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"  # what comes next is decided in the same moment or by tend: rolling back, or escalated
        ROLLING_BACK = "rolling_back", "Rolling back"
        ROLLED_BACK = "rolled_back", "Rolled back"
        ESCALATED = "escalated", "Escalated"  # a person has to look
        DENIED = "denied", "Denied"
        EXPIRED = "expired", "Expired"
        CANCELLED = "cancelled", "Cancelled"

    class Verification(models.TextChoices):
        PENDING = "pending", "Not yet"
        HELD = "held", "Verified"
        NOT_HELD = "not_held", "Did not help"
        NOT_VERIFIABLE = "not_verifiable", "Not verifiable"

    ACTIVE = (State.RUNNING, State.VERIFYING, State.FAILED, State.ROLLING_BACK)  # something is under way at the target
    OPEN = (State.PROPOSED, State.APPROVED, *ACTIVE)
    OVER = (State.SUCCEEDED, State.ROLLED_BACK, State.ESCALATED, State.DENIED, State.EXPIRED, State.CANCELLED)

    case = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)  # in tickets, webhooks and idempotency keys
    title = models.CharField(max_length=300)
    state = models.CharField(max_length=12, choices=State, default=State.PROPOSED)
    dry_run = models.BooleanField(default=False)  # every step is only rehearsed; nothing is verified, no alert resolved
    runbook = models.ForeignKey("Runbook", models.SET_NULL, null=True, blank=True, related_name="executions")
    version = models.ForeignKey("RunbookVersion", models.PROTECT, null=True, blank=True, related_name="executions")
    plan = models.JSONField(default=dict)  # the runbook with everything filled in, as plan.to_json wrote it; secrets are never in it
    parameters = models.JSONField(default=dict, blank=True)  # {name: value} as validated
    preview = models.JSONField(
        default=dict, blank=True
    )  # what the dry run said before approval: {"steps": [{"step", "sentence", "diff", "lines"}]}

    rule = models.ForeignKey("AutomationRule", models.SET_NULL, null=True, blank=True, related_name="executions")
    alert = models.ForeignKey("monitoring.Alert", models.SET_NULL, null=True, blank=True, related_name="executions")
    incident = models.ForeignKey("monitoring.Incident", models.SET_NULL, null=True, blank=True, related_name="executions")
    resource = models.ForeignKey("monitoring.Resource", models.SET_NULL, null=True, blank=True, related_name="executions")
    target = models.CharField(max_length=300)  # what it acts on, in words
    target_key = models.CharField(max_length=300)  # what is locked: resource:<id>, or the target's name
    cause = models.CharField(max_length=200, blank=True, default="")  # name of the alert, or "manual": track records are kept by it
    evidence = models.JSONField(default=dict, blank=True)  # as it was when proposed: the alert's value, samples, forecast, links

    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    requester = models.CharField(max_length=200, default="system")  # a person's name, or "rule <name>"
    risk = models.CharField(max_length=8, choices=Risk, default=Risk.MEDIUM)
    score = models.PositiveSmallIntegerField(default=0)  # 0–100
    decision = models.JSONField(default=dict, blank=True)  # policy.Decision.to_json: inputs, factors, row, verdict, words
    verification = models.CharField(max_length=14, choices=Verification, default=Verification.PENDING)
    checks = models.JSONField(
        default=list, blank=True
    )  # success criteria: [{"query", "name", "before", "now", "must", "holds", "since", "for"}]
    outcome = models.TextField(blank=True, default="")  # one sentence

    created_at = models.DateTimeField(default=timezone.now)
    approved_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    verifying_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True)  # people were told that it failed: also of one that was rolled back
    cancel_asked_at = models.DateTimeField(null=True, blank=True)
    cancel_asked_by = models.CharField(max_length=200, blank=True, default="")
    undo_asked_at = models.DateTimeField(null=True, blank=True)  # a person wants it rolled back after it succeeded
    undo_asked_by = models.CharField(max_length=200, blank=True, default="")

    due_at = models.DateTimeField(null=True, blank=True)  # when it is advanced next; None: it waits for a person or is over
    lease = models.CharField(max_length=36, blank=True, default="")
    leased_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            # The lock: of one target only one case is under way.
            models.UniqueConstraint(
                fields=["target_key"],
                condition=Q(state__in=["running", "verifying", "failed", "rolling_back"], dry_run=False),
                name="one_active_execution_per_target",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-created_at"], name="execution_state"),  # lists; counts by state
            models.Index(fields=["-created_at"], name="execution_created"),  # all, newest first
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="execution_due"),  # what is to be advanced
            models.Index(fields=["rule", "target_key", "-created_at"], name="execution_guard"),  # cooldown, rate, breaker
            models.Index(fields=["runbook", "-created_at"], name="execution_runbook"),  # track record
            models.Index(fields=["target_key", "-created_at"], name="execution_target"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"

    @property
    def number(self) -> str:
        return f"RUN-{self.pk}"

    @property
    def is_over(self) -> bool:
        return self.state in self.OVER


class Transition(models.Model):
    """One change of a case's state."""

    execution = models.ForeignKey(Execution, models.CASCADE, related_name="transitions", db_index=False)
    time = models.DateTimeField(default=timezone.now)
    before = models.CharField(max_length=12, blank=True, default="")
    after = models.CharField(max_length=12)
    reason = models.TextField(blank=True, default="")
    actor = models.CharField(max_length=200, blank=True, default="system")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        indexes = [
            models.Index(fields=["execution", "id"], name="transition_execution"),
            models.Index(fields=["time"], name="execution_transition_time"),
        ]

    def __str__(self) -> str:
        return f"{self.before} → {self.after}"


class Step(models.Model):
    """One step of a case. It is `starting` from before the provider is asked until the answer is written: found so after a crash, the
    provider is asked what became of `key`, and never blindly asked again."""

    class Phase(models.TextChoices):
        PRECHECK = "precheck"
        MAIN = "main"
        ROLLBACK = "rollback"

    class State(models.TextChoices):
        PENDING = "pending"
        STARTING = "starting"
        RUNNING = "running"  # at the provider, or waiting for time, a check or a person
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        UNCLEAR = "unclear"  # nobody can tell whether it was done
        SKIPPED = "skipped"
        CANCELLED = "cancelled"

    execution = models.ForeignKey(Execution, models.CASCADE, related_name="steps", db_index=False)  # one_step_per_place
    phase = models.CharField(max_length=8, choices=Phase, default=Phase.MAIN)
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=64)  # its id in the runbook
    title = models.CharField(max_length=300)
    kind = models.CharField(max_length=16)  # action, wait, check, notify, approval, branch
    spec = models.JSONField(default=dict)  # filled in, as plan.to_json wrote it
    provider = models.ForeignKey("Provider", models.SET_NULL, null=True, blank=True, related_name="steps")
    undoes = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="undone_by")  # in phase rollback
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)  # idempotency key
    attempts = models.PositiveSmallIntegerField(default=0)
    handle = models.CharField(max_length=500, blank=True, default="")  # what the provider calls it
    cursor = models.CharField(max_length=500, blank=True, default="")  # up to where its output has been read
    undo = models.JSONField(default=dict, blank=True)  # what the provider needs to take it back
    facts = models.JSONField(default=dict, blank=True)  # what later steps and people may read of the result
    detail = models.TextField(blank=True, default="")  # one sentence: what came of it
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    deadline = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["execution_id", "phase", "position"]
        constraints = [models.UniqueConstraint(fields=["execution", "phase", "position"], name="one_step_per_place")]
        indexes = [models.Index(fields=["provider", "state"], name="step_provider")]  # what goes through a provider now

    def __str__(self) -> str:
        return self.title


class LogLine(models.Model):
    """A line of output, secrets masked. Ids rise: pages read on from the last they have."""

    step = models.ForeignKey(Step, models.CASCADE, related_name="lines", db_index=False)  # line_step
    time = models.DateTimeField(default=timezone.now)
    level = models.CharField(max_length=7, default="info")  # info, ok, warning, error
    text = models.TextField()

    class Meta:
        indexes = [models.Index(fields=["step", "id"], name="line_step")]

    def __str__(self) -> str:
        return self.text[:80]


class Approval(models.Model):
    """A question to people: may this run? `step` is None for the case as a whole, else the approval step that asks."""

    class State(models.TextChoices):
        WAITING = "waiting"
        GRANTED = "granted"
        DENIED = "denied"
        EXPIRED = "expired"
        WITHDRAWN = "withdrawn"

    execution = models.ForeignKey(Execution, models.CASCADE, related_name="approvals")
    step = models.ForeignKey(Step, models.CASCADE, null=True, blank=True, related_name="approvals")
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    needed = models.PositiveSmallIntegerField(default=1)
    asked_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True, blank=True)  # who may answer was told
    closed_at = models.DateTimeField(null=True, blank=True)
    digest = models.CharField(max_length=64, blank=True, default="")  # of the plan that is asked for: what runs is what was approved

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["execution"], condition=Q(state="waiting"), name="one_open_approval_per_execution"),
        ]
        indexes = [models.Index(fields=["state", "expires_at"], name="approval_state")]  # the queue; what expires

    def __str__(self) -> str:
        return f"{self.execution_id}: {self.state}"


class Vote(models.Model):
    """One person's yes or no."""

    approval = models.ForeignKey(Approval, models.CASCADE, related_name="votes", db_index=False)  # one_vote_per_person
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    name = models.CharField(max_length=200)
    granted = models.BooleanField()
    comment = models.TextField(blank=True, default="")
    time = models.DateTimeField(default=timezone.now)
    via = models.CharField(max_length=8, default="page")  # page, api, slack

    class Meta:
        constraints = [models.UniqueConstraint(fields=["approval", "user"], name="one_vote_per_person")]

    def __str__(self) -> str:
        return f"{self.name}: {'yes' if self.granted else 'no'}"
