from django.core.validators import MinValueValidator
from django.db import models


class Series(models.Model):
    """One metric with one set of labels. Ids are handed out by metric in blocks of 256, so that a block's flush stays one row."""

    id = models.IntegerField(primary_key=True)
    metric = models.CharField(max_length=255)
    labels = models.JSONField(default=dict)  # {str: str}, without __name__
    key = models.BinaryField(max_length=20, unique=True)  # digest of metric and sorted labels
    block = models.IntegerField()
    resource = models.ForeignKey("monitoring.Resource", models.SET_NULL, null=True, related_name="series")
    created = models.DateTimeField(auto_now_add=True)
    seen = models.DateTimeField(auto_now_add=True)  # a writer used it on this day or the day after

    class Meta:
        verbose_name_plural = "series"
        indexes = [
            models.Index(fields=["metric", "resource"], name="series_metric"),  # reader.select by name; next free id of a metric
            models.Index(fields=["block"], name="series_block"),  # blocks in use
            models.Index(fields=["seen"], name="series_seen"),  # retention: series nobody writes any more
        ]

    def __str__(self) -> str:
        inner = ", ".join(f'{name}="{value}"' for name, value in sorted(self.labels.items()))
        return f"{self.metric}{{{inner}}}"


class ForgottenSeries(models.Model):
    """An id of a series that was deleted on purpose. Until every process has dropped it, it is neither written to nor handed out."""

    sid = models.IntegerField()
    since = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"series {self.sid}"


class Hot(models.Model):
    """Samples of one flush, one block and one 2 h window, packed and uncompressed, until the window is sealed.

    Ids rise with every flush: of two samples with the same time the one in the row with the higher id counts.
    """

    t0 = models.BigIntegerField()  # earliest and latest time in data, ms
    t1 = models.BigIntegerField()
    block = models.IntegerField()
    count = models.IntegerField()
    data = models.BinaryField()

    class Meta:
        indexes = [
            models.Index(fields=["block", "t1"], name="hot_block"),  # reads of one block's recent samples, seal
            models.Index(fields=["t1", "count"], name="hot_time"),  # oldest window; latest of all series; usage
        ]

    def __str__(self) -> str:
        return f"block {self.block} from {self.t0}"


class Chunk(models.Model):
    """Compressed samples of one series: a sealed 2 h window, a merged day, or a day's 5-minute rollup.

    Of two samples with the same time the one in the chunk with the higher id counts.
    """

    class Tier(models.IntegerChoices):
        WINDOW = 0
        DAY = 1
        ROLLUP = 2

    t0 = models.BigIntegerField()  # start of the window or day, ms
    sid = models.IntegerField()
    count = models.IntegerField()  # samples, or buckets of a rollup
    tier = models.SmallIntegerField(choices=Tier)
    data = models.BinaryField()

    class Meta:
        indexes = [
            models.Index(fields=["sid", "tier", "t0"], name="chunk_series"),  # every read, expire
            # Day merge; latest of all series. Were sid not in it, a planner with old statistics would take it for one series' newest
            # window, and fetch every series' chunk.
            models.Index(fields=["tier", "t0", "sid"], name="chunk_age"),
        ]

    def __str__(self) -> str:
        return f"{self.get_tier_display()} of series {self.sid} from {self.t0}"


class ChunkTally(models.Model):
    """Running totals per tier, kept by the transactions that add and remove chunks: a page need not count millions of rows."""

    tier = models.SmallIntegerField(primary_key=True, choices=Chunk.Tier)
    chunks = models.BigIntegerField(default=0)
    samples = models.BigIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.get_tier_display()


class RetentionOverride(models.Model):
    """Keeps metrics whose name matches a shell pattern longer or shorter than the settings say. The longest matching pattern counts."""

    pattern = models.CharField(max_length=255, unique=True, help_text="Shell pattern of metric names, such as node_disk_*")
    raw_days = models.FloatField(null=True, blank=True, validators=[MinValueValidator(1)], help_text="Empty: as the settings say")
    rollup_days = models.FloatField(null=True, blank=True, validators=[MinValueValidator(1)], help_text="Empty: as the settings say")

    def __str__(self) -> str:
        return self.pattern


class MetricDescription(models.Model):
    """What senders say a metric is. A metric nobody describes has no row."""

    metric = models.CharField(primary_key=True, max_length=255)
    type = models.CharField(max_length=16, default="unknown")  # counter, gauge, histogram, …, as Prometheus names them
    unit = models.CharField(max_length=64, blank=True)
    help = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.metric
