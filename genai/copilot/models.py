"""What people asked, and what they were told."""

import secrets

from django.conf import settings
from django.db import models
from django.utils import timezone


def share_token() -> str:
    return secrets.token_urlsafe(24)


class Conversation(models.Model):
    """A person's questions and answers about something. Others see it only through its share link, and only what they may see."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="conversations", db_index=False)  # conversation_user
    title = models.CharField(max_length=200, blank=True, default="")
    subject = models.CharField(max_length=200, blank=True, default="")  # what the page showed: "incident:7", "resource:3", "page:alerts"
    context = models.JSONField(default=dict, blank=True)  # {"path", "query", "title", "range"} of that page
    share = models.CharField(max_length=40, null=True, blank=True, unique=True)  # None: not shared
    shared_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-updated_at"]
        indexes = [models.Index(fields=["user", "-updated_at"], name="conversation_user")]  # a person's history

    def __str__(self) -> str:
        return self.title or f"Conversation {self.pk}"


class Turn(models.Model):
    """One question and its answer. The answer grows while `state` is "answering"."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        ANSWERING = "answering", "Answering"
        DONE = "done", "Answered"
        STOPPED = "stopped", "Stopped"
        CUT = "cut", "Cut off"  # half an answer
        FAILED = "failed", "Failed"

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="turns", db_index=False)  # one_number_per_conversation
    number = models.PositiveIntegerField()
    question = models.TextField()
    answer = models.TextField(blank=True, default="")  # Markdown; evidence as [E12], guesses as [guess]
    blocks = models.JSONField(default=list, blank=True)  # what stands beside the words: copilot/blocks.py
    claims = models.JSONField(default=list, blank=True)  # [{"text", "evidence": [ids], "holds": true|false|null, "guess": bool}]
    steps = models.JSONField(default=list, blank=True)  # what was done for it, as shown: events.py
    seq = models.PositiveIntegerField(default=0)  # of the last live event that is in here
    context = models.JSONField(default=dict, blank=True)  # of the page it was asked from, and its "subject"
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    reason = models.CharField(max_length=500, blank=True, default="")  # why it was cut, stopped or failed; what a model would add
    stop_asked = models.BooleanField(default=False)
    model = models.CharField(max_length=200, blank=True, default="")  # empty: answered without one
    run = models.ForeignKey("genai.AgentRun", models.SET_NULL, null=True, blank=True, related_name="turns")
    rating = models.SmallIntegerField(null=True, blank=True)  # 1 or -1
    rating_comment = models.CharField(max_length=500, blank=True, default="")
    asked_at = models.DateTimeField(default=timezone.now)
    beat_at = models.DateTimeField(default=timezone.now)  # of the process that answers; silent too long it is cut off
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["conversation_id", "number"]
        constraints = [models.UniqueConstraint(fields=["conversation", "number"], name="one_number_per_conversation")]
        indexes = [models.Index(fields=["state", "asked_at"], name="turn_state")]  # those left behind by a process that ended

    def __str__(self) -> str:
        return self.question[:80]

    @property
    def is_over(self) -> bool:
        return self.state not in (self.State.WAITING, self.State.ANSWERING)

    @property
    def half(self) -> bool:
        """What stands there is not the whole answer."""
        return self.state in (self.State.STOPPED, self.State.CUT, self.State.FAILED)
