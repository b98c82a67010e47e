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

    class Meta:
        indexes = [
            models.Index(fields=["metric", "resource"], name="series_metric"),  # reader.select by name
            models.Index(fields=["block"], name="series_block"),  # writer: next free id of a metric
        ]

    def __str__(self) -> str:
        inner = ", ".join(f'{name}="{value}"' for name, value in sorted(self.labels.items()))
        return f"{self.metric}{{{inner}}}"


class Hot(models.Model):
    """The samples of one flush and one block, packed and uncompressed, until their window is sealed."""

    block = models.IntegerField()
    t0 = models.BigIntegerField()  # earliest time in data, ms
    data = models.BinaryField()

    class Meta:
        indexes = [
            models.Index(fields=["block", "t0"], name="hot_block"),  # reads of one block's recent samples
            models.Index(fields=["t0"], name="hot_time"),  # seal: oldest window; latest of all series
        ]


class Chunk(models.Model):
    """Sealed samples of one series: res 0 = raw times and values, res 300 = 5-minute min, max, sum, count."""

    sid = models.IntegerField()
    res = models.IntegerField()
    t0 = models.BigIntegerField()
    data = models.BinaryField()

    class Meta:
        indexes = [
            models.Index(fields=["sid", "res", "t0"], name="chunk_series"),  # every read
            models.Index(fields=["res", "t0"], name="chunk_age"),  # expire, day merge
        ]


class RetentionOverride(models.Model):
    """Keeps metrics whose name matches a shell pattern longer or shorter than the settings say."""

    pattern = models.CharField(max_length=255, unique=True)
    raw_days = models.FloatField(null=True, blank=True)
    rollup_days = models.FloatField(null=True, blank=True)

    def __str__(self) -> str:
        return self.pattern
