"""The one door's rows: the models that may be asked, what is asked in which words, every call, what may be spent. The rooms of the
app hold their own; all of them are named here, where Django looks."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from aiops.crypto import EncryptedJSONField
from genai.causes.models import Analysis
from genai.copilot.models import Conversation, Turn
from genai.evidence.models import Evidence
from genai.rag.models import Chunk, Document
from genai.summaries.models import Digest, Summary
from genai.tracing.models import Agent, AgentRun, AgentStep, Evaluation, SecurityFinding

__all__ = [
    "Agent",
    "AgentRun",
    "AgentStep",
    "Analysis",
    "Budget",
    "CachedAnswer",
    "Chunk",
    "Completion",
    "Conversation",
    "Digest",
    "Document",
    "Evaluation",
    "Evidence",
    "ModelProvider",
    "Prompt",
    "PromptVersion",
    "SecurityFinding",
    "Spending",
    "Summary",
    "Turn",
]


class ModelProvider(models.Model):
    """A system that runs language models: its kind names the plugin (genai/providers), `config` and `secrets` hold what that declares.
    They are asked in the order of `position`: the next one where one fails."""

    name = models.CharField(max_length=150, unique=True)
    kind = models.CharField(max_length=32)
    enabled = models.BooleanField(default=True)
    position = models.PositiveIntegerField(default=0)
    model = models.CharField(max_length=200)  # as the system names it
    config = models.JSONField(default=dict, blank=True)
    secrets: Any = EncryptedJSONField(default=dict, blank=True)
    price_in = models.DecimalField(max_digits=12, decimal_places=6, default=Decimal(0))  # US dollars per million tokens read
    price_out = models.DecimalField(max_digits=12, decimal_places=6, default=Decimal(0))  # … and written
    created_at = models.DateTimeField(default=timezone.now)
    checked_at = models.DateTimeField(null=True, blank=True)
    check_error = models.CharField(max_length=500, blank=True, default="")  # of the last check; empty: it was well
    check_detail = models.CharField(max_length=500, blank=True, default="")
    last_used = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def health(self) -> str:
        """disabled, waiting (never checked), failing or ok."""
        if not self.enabled:
            return "disabled"
        return "failing" if self.check_error else "ok" if self.checked_at else "waiting"


class Prompt(models.Model):
    """What is asked for one purpose. Its first versions are files (genai/prompts); further ones are written in Django admin."""

    purpose = models.SlugField(max_length=60, unique=True)
    description = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        ordering = ["purpose"]

    def __str__(self) -> str:
        return self.purpose


class PromptVersion(models.Model):
    """Never changed once it was used. Those with a weight share the calls; promoting one takes all of it."""

    class Origin(models.TextChoices):
        FILE = "file", "Shipped"
        UI = "ui", "Made here"

    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="versions", db_index=False)  # one_number_per_prompt
    number = models.PositiveIntegerField()
    text = models.TextField()
    digest = models.CharField(max_length=64)  # SHA-256 of the text
    weight = models.PositiveSmallIntegerField(default=0)  # share of the calls; 0: not in use
    origin = models.CharField(max_length=4, choices=Origin, default=Origin.UI)
    comment = models.CharField(max_length=300, blank=True, default="")
    actor = models.CharField(max_length=200, blank=True, default="system")
    created_at = models.DateTimeField(default=timezone.now)
    promoted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["prompt_id", "-number"]
        constraints = [models.UniqueConstraint(fields=["prompt", "number"], name="one_number_per_prompt")]

    def __str__(self) -> str:
        return f"{self.prompt}, version {self.number}"


class Completion(models.Model):
    """One call to a model, or an answer from the cache, or one that was not made. Prompts are kept as they left: masked."""

    class Outcome(models.TextChoices):
        OK = "ok", "Answered"
        CACHED = "cached", "From the cache"
        CUT = "cut", "Cut off"  # the stream broke or stalled: a half answer
        STOPPED = "stopped", "Stopped"  # by the person
        INVALID = "invalid", "Did not fit the schema"  # also after the repair
        BUDGET = "budget", "Over budget"  # not made
        FAILED = "failed", "Failed"  # by every provider of the chain
        UNCONFIGURED = "none", "No model"

    purpose = models.CharField(max_length=60)
    prompt_version = models.ForeignKey(PromptVersion, models.SET_NULL, null=True, blank=True, related_name="completions")
    provider = models.ForeignKey(ModelProvider, models.SET_NULL, null=True, blank=True, related_name="completions")
    provider_name = models.CharField(max_length=150, blank=True, default="")
    model = models.CharField(max_length=200, blank=True, default="")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="completions", db_index=False)
    run = models.ForeignKey("genai.AgentRun", models.SET_NULL, null=True, blank=True, related_name="completions")
    started_at = models.DateTimeField(default=timezone.now)
    latency_ms = models.PositiveIntegerField(default=0)  # of the whole
    first_token_ms = models.PositiveIntegerField(null=True, blank=True)
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    estimated = models.BooleanField(default=False)  # the provider did not count the tokens
    cost = models.DecimalField(max_digits=14, decimal_places=8, default=Decimal(0))  # US dollars
    outcome = models.CharField(max_length=8, choices=Outcome)
    error = models.CharField(max_length=500, blank=True, default="")
    attempts = models.JSONField(default=list, blank=True)  # [{"provider", "error", "ms"}] of those that failed before
    repaired = models.BooleanField(default=False)  # it fitted the schema when asked again
    masked = models.JSONField(default=dict, blank=True)  # {kind: how many} of what was hidden
    prompt = models.TextField(blank=True, default="")  # masked; the beginning of it
    answer = models.TextField(blank=True, default="")  # masked
    rating = models.SmallIntegerField(null=True, blank=True)  # 1 or -1
    evidence_share = models.FloatField(null=True, blank=True)  # of its claims, those with evidence that holds

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["started_at"], name="completion_time"),  # the day's spending; figures over a time; expiry
            models.Index(fields=["user", "started_at"], name="completion_user"),  # a person's spending of the day
            models.Index(fields=["purpose", "started_at"], name="completion_purpose"),  # a feature's spending; quality of its prompts
        ]

    def __str__(self) -> str:
        return f"{self.purpose}: {self.outcome}"


class Budget(models.Model):
    """What may be spent in a day (UTC): by everybody (scope "all"), by each person ("user"), by one person ("user:<id>"), by one
    feature ("purpose:<purpose>"). None: no limit of that kind."""

    scope = models.CharField(max_length=80, unique=True)
    tokens = models.PositiveBigIntegerField(null=True, blank=True)
    dollars = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["scope"]

    def __str__(self) -> str:
        return self.scope


class Spending(models.Model):
    """What a day (UTC) used of one scope that has a budget ("all", "user:<id>", "purpose:<purpose>"): what calls took, and what those
    under way may take at most."""

    scope = models.CharField(max_length=80)
    day = models.DateField()
    tokens = models.BigIntegerField(default=0)
    nanodollars = models.BigIntegerField(default=0)  # whole numbers add up the same on every database

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "day"], name="one_spending_per_day")]

    def __str__(self) -> str:
        return f"{self.scope} on {self.day}"


class CachedAnswer(models.Model):
    """An answer that holds for a while. `key`: SHA-256 of model, prompt and options, which were masked before."""

    key = models.CharField(max_length=64, unique=True)
    answer = models.JSONField()  # {"text", "tool_calls", "data", "tokens_in", "tokens_out"}, masked
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key[:12]
