from django.db import models
from django.utils import timezone


class FactSeries(models.Model):
    """A VM and a metric that have facts, and the series that holds them. Goes when its series is forgotten."""

    series = models.OneToOneField("monitoring.Series", models.CASCADE, primary_key=True, related_name="+")
    vm = models.CharField(max_length=255)
    metric = models.CharField(max_length=255)

    class Meta:
        verbose_name_plural = "fact series"
        constraints = [models.UniqueConstraint(fields=["vm", "metric"], name="one_series_per_vm_and_metric")]

    def __str__(self) -> str:
        return f"{self.metric} of {self.vm}"


class ImportJob(models.Model):
    """A file of facts on its way into the store. `position` moves in the transaction that keeps the rows before it."""

    class State(models.TextChoices):
        WAITING = "waiting"  # for a person to confirm how it is read
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    name = models.CharField(max_length=255)  # as the person's computer called it
    path = models.CharField(max_length=500)  # below the data directory, or absolute for the command
    size = models.BigIntegerField(default=0)  # bytes
    digest = models.CharField(max_length=64, blank=True)  # of the file: the same file with the same reading is the same job
    reading = models.JSONField(default=dict)  # how it is read: reading.Reading
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    position = models.BigIntegerField(default=0)  # rows of the file that are dealt with
    rows = models.BigIntegerField(default=0)  # estimated until it is done
    created = models.BigIntegerField(default=0)  # facts
    skipped = models.BigIntegerField(default=0)  # facts that were there already
    refused = models.BigIntegerField(default=0)  # facts and rows that cannot be kept
    reasons = models.JSONField(default=dict, blank=True)  # {reason: count}
    error = models.CharField(max_length=500, blank=True)
    user = models.ForeignKey("accounts.User", models.SET_NULL, null=True, blank=True, related_name="+")
    added = models.DateTimeField(default=timezone.now)
    moved = models.DateTimeField(default=timezone.now)  # last progress: a job that rests is taken up again
    finished = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["state", "moved"], name="import_state")]  # jobs to be taken up again

    def __str__(self) -> str:
        return self.name


class RefusedRow(models.Model):
    """A row of an imported file that was not kept, for the report."""

    job = models.ForeignKey(ImportJob, models.CASCADE, related_name="refused_rows")
    row = models.BigIntegerField()  # as a spreadsheet numbers it: the first line of the file is 1
    column = models.CharField(max_length=255, blank=True)
    reason = models.CharField(max_length=200)
    text = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [models.Index(fields=["job", "row"], name="refused_of_job")]  # the report

    def __str__(self) -> str:
        return f"row {self.row}: {self.reason}"
