"""What AI agents do, ours and others': an agent, its executions, the steps of each, how good they were, and what looked like an attack."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class Agent(models.Model):
    """One that works with language models. Ours are made when they first report; others will come with their telemetry."""

    key = models.SlugField(max_length=100, unique=True)  # copilot, summaries, mcp …
    name = models.CharField(max_length=150)
    own = models.BooleanField(default=False)  # part of this platform
    resource = models.ForeignKey("monitoring.Resource", models.SET_NULL, null=True, blank=True, related_name="+")
    first_seen = models.DateTimeField(default=timezone.now)
    last_seen = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class AgentRun(models.Model):
    """One execution: a task from its beginning to its end. Tokens and cost are the sums of its steps."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        STOPPED = "stopped", "Stopped"  # by a person, or by a limit: see `reason`
        CUT = "cut", "Cut off"  # its process or its model went away: what there is is half

    agent = models.ForeignKey(Agent, models.CASCADE, related_name="runs", db_index=False)  # run_agent
    external_id = models.CharField(max_length=100, blank=True, default="")  # trace id, of agents that report here
    title = models.CharField(max_length=300)
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING)
    reason = models.CharField(max_length=500, blank=True, default="")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="agent_runs")
    subject = models.CharField(max_length=200, blank=True, default="")  # what it was about: "incident:7"; see evidence.kinds
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    beat_at = models.DateTimeField(default=timezone.now)  # a running one says so; silent too long it was cut off
    latency_ms = models.PositiveIntegerField(null=True, blank=True)
    steps_count = models.PositiveIntegerField(default=0)
    tool_calls = models.PositiveIntegerField(default=0)
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(max_digits=14, decimal_places=8, default=Decimal(0))  # US dollars
    findings_count = models.PositiveIntegerField(default=0)
    score = models.FloatField(null=True, blank=True)  # 0-1: mean of its evaluations

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["agent", "external_id"], condition=~Q(external_id=""), name="one_run_per_external_id"),
        ]
        indexes = [
            models.Index(fields=["started_at"], name="run_time"),  # the list; figures over a time; expiry
            models.Index(fields=["agent", "started_at"], name="run_agent"),  # an agent's own
            models.Index(fields=["state", "beat_at"], name="run_state"),  # those that went silent
        ]

    def __str__(self) -> str:
        return self.title


class AgentStep(models.Model):
    """One thing an execution did: asked a model, called a tool, was guarded."""

    class Kind(models.TextChoices):
        MODEL = "model", "Model"
        TOOL = "tool", "Tool"
        GUARD = "guard", "Guard"  # masking, checking of evidence, refusing

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        OK = "ok", "Done"
        FAILED = "failed", "Failed"
        REFUSED = "refused", "Refused"

    run = models.ForeignKey(AgentRun, models.CASCADE, related_name="steps", db_index=False)  # one_number_per_run
    parent = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="children")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=6, choices=Kind)
    name = models.CharField(max_length=100)  # the tool's, or what the model was asked for
    detail = models.CharField(max_length=500, blank=True, default="")  # in words: what was asked, and what came of it
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING)
    started_at = models.DateTimeField(default=timezone.now)
    latency_ms = models.PositiveIntegerField(null=True, blank=True)
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(max_digits=14, decimal_places=8, default=Decimal(0))
    arguments = models.JSONField(default=dict, blank=True)  # masked
    result = models.TextField(blank=True, default="")  # masked; the beginning of it

    class Meta:
        ordering = ["run_id", "number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_number_per_run")]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


class Evaluation(models.Model):
    """How good an execution was in one respect, 0 to 1."""

    run = models.ForeignKey(AgentRun, models.CASCADE, related_name="evaluations")
    name = models.CharField(max_length=60)  # evidence, schema, rating …
    score = models.FloatField()
    comment = models.CharField(max_length=500, blank=True, default="")
    judged_by = models.CharField(max_length=200, blank=True, default="system")
    time = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "name", "judged_by"], name="one_evaluation_per_judge")]
        indexes = [models.Index(fields=["time"], name="evaluation_time")]  # figures over a time

    def __str__(self) -> str:
        return f"{self.name} {self.score:.2f}"


class SecurityFinding(models.Model):
    """Something in an execution that looked like an attack or a leak, and what was done about it."""

    class Kind(models.TextChoices):
        INJECTION = "injection", "Injection attempt"
        SECRET = "secret", "Secret found"
        PERSONAL = "personal", "Personal data found"
        MISUSE = "misuse", "Tool misuse"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        DISMISSED = "dismissed", "Dismissed"

    run = models.ForeignKey(AgentRun, models.CASCADE, null=True, blank=True, related_name="findings")
    step = models.ForeignKey(AgentStep, models.SET_NULL, null=True, blank=True, related_name="findings")
    kind = models.CharField(max_length=9, choices=Kind)
    severity = models.CharField(max_length=8, default="medium")  # critical, high, medium, low
    where = models.CharField(max_length=300)  # the label, alert text, document … it stood in
    excerpt = models.CharField(max_length=500, blank=True, default="")  # masked
    action = models.CharField(max_length=300)  # what was done: "passed on as data", "masked", "refused"
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)
    state_reason = models.CharField(max_length=300, blank=True, default="")
    state_actor = models.CharField(max_length=200, blank=True, default="")
    time = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["time"], name="finding_time"),  # the list; expiry
            models.Index(fields=["state", "kind"], name="finding_state"),  # what is open
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} in {self.where}"
