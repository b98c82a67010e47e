from django.db import models
from django.utils import timezone


class Process(models.Model):
    """One running process of this installation, as it last reported. Kept by aiops.processes."""

    class Role(models.TextChoices):
        WEB = "web"
        WORKER = "worker"
        BEAT = "beat"
        EMBEDDED = "embedded"  # all three in one

    name = models.CharField(max_length=300, unique=True)  # role@host:pid
    role = models.CharField(max_length=12, choices=Role)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    counters = models.JSONField(default=list, blank=True)  # metrics.Family as lists

    class Meta:
        verbose_name_plural = "processes"
        indexes = [models.Index(fields=["role", "seen_at"], name="process_role")]  # health: the freshest worker

    def __str__(self) -> str:
        return self.name

    @property
    def age_seconds(self) -> float:
        return max(0.0, (timezone.now() - self.seen_at).total_seconds())
