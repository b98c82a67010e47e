from django.db import models
from django.utils import timezone


class Sender(models.Model):
    """Who sends samples in: one token at one door. Written at most once a second by each process (senders.py)."""

    door = models.CharField(max_length=24)
    token_id = models.BigIntegerField()  # of accounts.ApiToken; a plain number, so that figures outlive the token
    name = models.CharField(max_length=200)
    source_id = models.BigIntegerField(null=True, blank=True)  # the Source that stands for it
    first_seen = models.DateTimeField(default=timezone.now)
    last_seen = models.DateTimeField(default=timezone.now)
    samples = models.BigIntegerField(default=0)  # kept so far
    refused = models.JSONField(default=dict, blank=True)  # {reason: count}; what each reason means: docs/ingest.md
    examples = models.JSONField(default=list, blank=True)  # the latest: [{"at": ms, "reason", "sentence", "text"}], newest last

    class Meta:
        constraints = [models.UniqueConstraint(fields=["door", "token_id"], name="one_sender_per_door_and_token")]

    def __str__(self) -> str:
        return self.name
