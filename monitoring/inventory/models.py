from django.db import models
from django.utils import timezone


class Resource(models.Model):
    """A thing that is watched: host, vm, pod, node, device, service, gpu, agent …

    `state` says whether it still reports; `health` (0-100, None = not judged yet) and `reasons` say how it is.
    """

    class State(models.TextChoices):
        REPORTING = "reporting"
        STALE = "stale"  # missed its reports
        GONE = "gone"  # silent so long that it is taken to be removed

    kind = models.CharField(max_length=32)
    name = models.CharField(max_length=255)
    labels = models.JSONField(default=dict, blank=True)  # {str: str}, for grouping and search
    facts = models.JSONField(default=dict, blank=True)  # what sources report beyond samples: OS, model, top processes …
    parent = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="children")
    source = models.ForeignKey("monitoring.Source", models.SET_NULL, null=True, blank=True, related_name="resources")
    ephemeral = models.BooleanField(default=False)  # pods and the like: deleted some time after they are gone
    state = models.CharField(max_length=12, choices=State, default=State.REPORTING)
    health = models.PositiveSmallIntegerField(null=True, blank=True)
    reasons = models.JSONField(default=list, blank=True)  # [{"severity", "text", "metric", "value", "limit", "points"}]
    report_interval = models.PositiveIntegerField(default=60)  # seconds between reports, as its source promises
    first_seen = models.DateTimeField(default=timezone.now)
    last_seen = models.DateTimeField(default=timezone.now)
    health_since = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="one_resource_per_kind_and_name")]
        indexes = [models.Index(fields=["state", "last_seen"], name="resource_staleness")]  # judge: who missed a report

    def __str__(self) -> str:
        return self.name
