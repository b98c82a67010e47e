"""What is watched, which series that is, what was seen in them and foreseen of them, and what came of it.

A Watch is a PromQL expression; each series it answers is a Track. The detector's state of a few hundred tracks is one DetectorState, what
it found are Anomaly rows. A track that is forecast has ForecastModel versions, one active; the last run is its latest Forecast, whose
points are samples and Prediction rows too. A predictive alert is a Foresight row from its opening to its outcome: together they are the
ledger. Times are datetimes UTC, except `through` and `start` (int64 ms, as in the store).
"""

from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

LEAST_SENSITIVE, MOST_SENSITIVE = 0.25, 2.0  # what feedback may make of a watch; 1 is as shipped


class Watch(models.Model):
    """An expression whose series are watched. `metric` begins the names of what is written: <metric>:anomaly, :forecast, :lower, :upper."""

    class Direction(models.TextChoices):
        UP = "up", "High values are trouble"
        DOWN = "down", "Low values are trouble"
        BOTH = "both", "Both are"

    class Muting(models.TextChoices):
        AUTO = "auto", "When its predictions do not hold"
        NEVER = "never", "Never"
        ALWAYS = "always", "Always"

    key = models.CharField(max_length=100, unique=True)  # of a shipped one its name in the pack
    name = models.CharField(max_length=200)  # for people: Filesystem used
    metric = models.CharField(max_length=200, blank=True, default="")  # of a plain selector its own name; empty: each series' own
    expr = models.TextField()
    unit = models.CharField(max_length=32, blank=True, default="")  # percent, bytes, bytes/s, celsius, …; empty: a bare number
    direction = models.CharField(max_length=4, choices=Direction, default=Direction.BOTH)
    limit = models.FloatField(null=True, blank=True)  # where trouble begins; None: nothing is foreseen to be reached
    step = models.PositiveIntegerField("seconds between samples", default=300, validators=[MinValueValidator(15), MaxValueValidator(86400)])
    detect = models.BooleanField(default=True)
    forecast = models.BooleanField(default=False)
    forecast_step = models.PositiveIntegerField("seconds between forecast points", default=3600, validators=[MinValueValidator(60)])
    horizon = models.PositiveIntegerField("forecast points", default=48, validators=[MinValueValidator(1), MaxValueValidator(1000)])
    warn_within = models.PositiveIntegerField("hours ahead that are warned of", default=72, validators=[MinValueValidator(1)])
    agreeing = models.PositiveSmallIntegerField("runs that must agree", default=3, validators=[MinValueValidator(1), MaxValueValidator(50)])
    sensitivity = models.FloatField(
        default=1.0, validators=[MinValueValidator(LEAST_SENSITIVE), MaxValueValidator(MOST_SENSITIVE)]
    )  # feedback moves it: see Adjustment
    alert_anomalies = models.BooleanField(default=False)  # an anomaly alone raises an alert
    most = models.PositiveIntegerField("series at most", default=20_000)
    enabled = models.BooleanField(default=True)
    locked = models.BooleanField(default=False)  # shipped: expression and unit come with the release
    muting = models.CharField(max_length=6, choices=Muting, default=Muting.AUTO)
    muted_because = models.CharField(max_length=300, blank=True, default="")  # why its predictions make no alert now; empty: they do
    due_at = models.DateTimeField(default=timezone.now)  # the next scoring
    lease = models.CharField(max_length=36, blank=True, default="")
    leased_until = models.DateTimeField(null=True, blank=True)
    last_evaluated = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True, default="")  # why it could not be evaluated
    last_series = models.PositiveIntegerField(default=0)  # how many it answered

    class Meta:
        verbose_name_plural = "watches"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["metric"], condition=~Q(metric=""), name="one_watch_per_metric"),
            models.CheckConstraint(condition=Q(limit=None) | ~Q(direction="both"), name="a_limit_has_a_direction"),
            models.CheckConstraint(
                condition=Q(sensitivity__gte=LEAST_SENSITIVE, sensitivity__lte=MOST_SENSITIVE), name="sensitivity_is_bounded"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def foresees(self) -> bool:
        """Whether time to a limit is told of its series."""
        return self.forecast and self.limit is not None


class DetectorState(models.Model):
    """A shard: the streaming detector's state of a few hundred tracks of one watch, as it was at `through`. What came since is replayed
    from the store, which gives the same again. Rows up to `scored` have been told of (samples, anomalies)."""

    watch = models.ForeignKey(Watch, models.CASCADE, related_name="shards")
    size = models.PositiveIntegerField(default=0)  # places in it
    version = models.PositiveIntegerField(default=0)  # rises when tracks come and go: then the blob is read anew
    blob = models.BinaryField(default=bytes)  # stream.pack
    through = models.BigIntegerField(default=0)  # ms, of the last row in the blob
    scored = models.BigIntegerField(default=0)  # ms

    def __str__(self) -> str:
        return f"shard {self.pk} of watch {self.watch_id}"


class Track(models.Model):
    """A series that a watch answers."""

    class State(models.TextChoices):
        LEARNING = "learning"  # too little history; `reason` says how much there is
        OK = "ok"
        NOT_PREDICTABLE = "not_predictable", "not predictable yet"  # its best model does not beat the naive one: no alert
        FAILED = "failed"  # its last fit failed; `reason` says why
        ENDED = "ended"  # silent for longer than ENDS_AFTER

    watch = models.ForeignKey(Watch, models.CASCADE, related_name="tracks")
    labels = models.JSONField(default=dict)  # {str: str}, without __name__
    key = models.CharField(max_length=32, unique=True)  # digest of the watch's key and the labels
    metric = models.CharField(max_length=200)  # begins the names of what is written of it
    vm = models.CharField(max_length=255)  # whose it is, as the API names it: label vm, host, node, instance …
    series = models.CharField(max_length=400)  # the metric with the labels that tell it from others of the same vm
    resource = models.ForeignKey("monitoring.Resource", models.SET_NULL, null=True, blank=True, related_name="tracks")
    shard = models.ForeignKey(DetectorState, models.SET_NULL, null=True, blank=True, related_name="tracks")
    place = models.PositiveIntegerField(null=True, blank=True)  # in the shard; None: not in one yet
    state = models.CharField(max_length=16, choices=State, default=State.LEARNING)
    reason = models.CharField(max_length=300, blank=True, default="")  # one sentence
    first_seen = models.DateTimeField(default=timezone.now)
    last_seen = models.DateTimeField(default=timezone.now)  # at most an hour late
    due_at = models.DateTimeField(default=timezone.now)  # the next forecast run
    lease = models.CharField(max_length=36, blank=True, default="")  # of the forecast run
    leased_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shard", "place"], condition=Q(place__isnull=False), name="one_track_per_place")]
        indexes = [
            models.Index(fields=["watch", "state"], name="track_watch"),  # tracks of a watch; counts by state
            models.Index(fields=["due_at"], name="track_due"),  # forecast_due, every minute
            models.Index(fields=["vm"], name="track_vm"),  # the API asks by vm
            models.Index(fields=["last_seen"], name="track_age"),  # ends and expires
        ]

    def __str__(self) -> str:
        return f"{self.vm}: {self.series}"


class History(models.Model):
    """What a track was, on the grid of forecasts: kept, so that an hourly run reads an hour. NaN where there was nothing."""

    track = models.OneToOneField(Track, models.CASCADE, primary_key=True, related_name="history")
    step = models.PositiveIntegerField()  # seconds; a value is the mean of a step, its time the step's end
    through = models.BigIntegerField()  # ms, time of the last value
    values = models.BinaryField(default=bytes)  # float64, oldest first, compressed: history.pack

    class Meta:
        verbose_name_plural = "histories"

    def __str__(self) -> str:
        return f"history of track {self.track_id}"


class Anomaly(models.Model):
    """From the row where the detector's alarm began to the one after which it stayed calm. Figures are those of its worst row."""

    class Feedback(models.TextChoices):
        EXPECTED = "expected"  # it was known: this track's watch shall mind such less
        USEFUL = "useful"
        NOISE = "noise"

    track = models.ForeignKey(Track, models.CASCADE, related_name="anomalies")
    started_at = models.DateTimeField()
    peak_at = models.DateTimeField()
    seen_at = models.DateTimeField()  # its last row above the bar
    ended_at = models.DateTimeField(null=True, blank=True)
    score = models.FloatField()  # 0 … 1
    reason = models.CharField(max_length=64)  # what is unusual, one of stream.REASONS
    value = models.FloatField()
    low = models.FloatField(null=True, blank=True)  # the band that was expected
    high = models.FloatField(null=True, blank=True)
    channels = models.JSONField(default=dict, blank=True)  # {channel: score}
    feedback = models.CharField(max_length=8, choices=Feedback, blank=True, default="")
    feedback_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    feedback_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "anomalies"
        constraints = [
            models.UniqueConstraint(fields=["track"], condition=Q(ended_at=None), name="one_open_anomaly_per_track"),
            # a row that is told of twice is one anomaly
            models.UniqueConstraint(fields=["track", "started_at"], name="one_anomaly_per_track_and_start"),
        ]
        indexes = [
            models.Index(fields=["-started_at"], name="anomaly_started"),  # the list, newest first; counts by hour
            models.Index(fields=["-score", "-started_at"], name="anomaly_score"),  # the list, worst first
            models.Index(fields=["ended_at"], name="anomaly_ended"),  # open ones; expiry
        ]

    def __str__(self) -> str:
        return f"{self.track_id} at {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def is_open(self) -> bool:
        return self.ended_at is None


class Adjustment(models.Model):
    """A change of a watch's sensitivity that feedback made; a person can take it back."""

    watch = models.ForeignKey(Watch, models.CASCADE, related_name="adjustments")
    anomaly = models.ForeignKey(Anomaly, models.SET_NULL, null=True, blank=True, related_name="+")
    time = models.DateTimeField(default=timezone.now)
    actor = models.CharField(max_length=200)
    feedback = models.CharField(max_length=8, choices=Anomaly.Feedback)
    before = models.FloatField()
    after = models.FloatField()
    reverted_at = models.DateTimeField(null=True, blank=True)
    reverted_by = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        indexes = [models.Index(fields=["watch", "-time"], name="adjustment_watch")]  # a watch's history

    def __str__(self) -> str:
        return f"{self.before:g} → {self.after:g}"


class ForecastModel(models.Model):
    """A version of what forecasts a track: how it was fitted, and how well it did on the track's own past (rolling origins). A fit that
    failed is a version too, with its `fault` and never active."""

    track = models.ForeignKey(Track, models.CASCADE, related_name="models")
    version = models.PositiveIntegerField()
    kind = models.CharField(max_length=32)  # a key of FORECASTERS, blend by default
    level = models.CharField(max_length=16, blank=True, default="")  # numpy: the light one for large fleets
    made_at = models.DateTimeField(default=timezone.now)
    why = models.CharField(max_length=200, blank=True, default="")  # first, age, drift, asked
    params = models.JSONField(default=dict, blank=True)
    trained_from = models.DateTimeField(null=True, blank=True)
    trained_to = models.DateTimeField(null=True, blank=True)
    rows = models.PositiveIntegerField(default=0)  # points it learned from
    weights = models.JSONField(default=dict, blank=True)  # {forecaster: share of the blend}
    errors = models.JSONField(default=dict, blank=True)  # backtest: {forecaster: {"mae": …, "mase": …}}
    mae = models.FloatField(null=True, blank=True)
    mase = models.FloatField(null=True, blank=True)
    naive_mase = models.FloatField(null=True, blank=True)
    ratio = models.FloatField(null=True, blank=True)  # its error over the naive one's: below 1 it is better
    coverage = models.FloatField(null=True, blank=True)  # share of the backtest inside the 80 % band
    state = models.BinaryField(default=bytes, blank=True)  # what was fitted, as its kind keeps it
    cpu_seconds = models.FloatField(default=0.0)
    fault = models.TextField(blank=True, default="")  # one sentence
    active = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["track", "version"], name="one_model_per_version"),
            models.UniqueConstraint(fields=["track"], condition=Q(active=True), name="one_active_model_per_track"),
        ]
        indexes = [models.Index(fields=["-made_at"], name="model_made")]  # the list; expiry

    def __str__(self) -> str:
        return f"{self.kind} version {self.version}"


class Forecast(models.Model):
    """One run. Point k is of time start + k * step; `points` of all but the latest are dropped, their ETA is kept for a while."""

    track = models.ForeignKey(Track, models.CASCADE, related_name="forecasts")
    model = models.ForeignKey(ForecastModel, models.SET_NULL, null=True, blank=True, related_name="forecasts")
    made_at = models.DateTimeField()
    latest = models.BooleanField(default=True)
    start = models.BigIntegerField()  # ms, of the first point
    step = models.PositiveIntegerField()  # seconds
    points = models.JSONField(default=dict)  # {"mean", "lo80", "hi80", "lo95", "hi95": [float, …]}
    value = models.FloatField(null=True, blank=True)  # the last one known when it was made
    limit = models.FloatField(null=True, blank=True)
    eta = models.DateTimeField(null=True, blank=True)  # when the limit is reached; None: not foreseen
    eta_lo = models.DateTimeField(null=True, blank=True)  # 80 % interval
    eta_hi = models.DateTimeField(null=True, blank=True)  # None: it may never be
    agreeing = models.PositiveIntegerField(default=0)  # runs in a row that foresaw it within the time that is warned of
    fault = models.CharField(max_length=300, blank=True, default="")  # why there is no time to the limit, one sentence

    class Meta:
        constraints = [models.UniqueConstraint(fields=["track"], condition=Q(latest=True), name="one_latest_forecast_per_track")]
        indexes = [
            models.Index(fields=["eta"], condition=Q(latest=True), name="forecast_urgent"),  # the page: most urgent first
            models.Index(fields=["track", "-made_at"], name="forecast_history"),  # runs before
            models.Index(fields=["made_at"], name="forecast_age"),  # expiry
        ]

    def __str__(self) -> str:
        return f"{self.track_id} at {self.made_at:%Y-%m-%d %H:%M}"


class Prediction(models.Model):
    """What was foretold of a time, as last made before it came, and what came. Kept for comparing."""

    vm = models.CharField(max_length=255)
    metric = models.CharField(max_length=400)  # Track.series, or what a caller of the API named
    timestamp = models.DateTimeField()
    mean = models.FloatField()
    lower = models.FloatField()  # 80 % band
    upper = models.FloatField()
    actual = models.FloatField(null=True, blank=True)
    made_at = models.DateTimeField(default=timezone.now)
    track = models.ForeignKey(Track, models.CASCADE, null=True, blank=True, related_name="predictions")
    model = models.ForeignKey(ForecastModel, models.SET_NULL, null=True, blank=True, related_name="predictions")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["vm", "metric", "timestamp"], name="one_prediction_per_vm_metric_and_time"),
            models.CheckConstraint(condition=Q(lower__lte=F("mean")) & Q(mean__lte=F("upper")), name="prediction_within_its_band"),
        ]
        indexes = [
            models.Index(fields=["timestamp"], name="prediction_time"),  # expiry; all of a time
            models.Index(fields=["track", "timestamp"], condition=Q(actual=None), name="prediction_waits"),  # wait for what comes
        ]

    def __str__(self) -> str:
        return f"{self.vm} {self.metric} at {self.timestamp:%Y-%m-%d %H:%M}"


class Foresight(models.Model):
    """The ledger: a predictive alert from its opening to its outcome."""

    class Outcome(models.TextChoices):
        OPEN = "open"
        AVERTED = "averted"  # it left the danger without reaching the limit
        CAME_TRUE = "came_true", "came true"
        FALSE = "false"  # the time passed, or the prediction was withdrawn without anything having been done

    track = models.ForeignKey(Track, models.CASCADE, related_name="foresights")
    model = models.ForeignKey(ForecastModel, models.SET_NULL, null=True, blank=True, related_name="foresights")
    kind = models.CharField(max_length=32, blank=True, default="")  # of the model, which may be gone
    alert = models.ForeignKey("monitoring.Alert", models.SET_NULL, null=True, blank=True, related_name="+")
    fingerprint = models.CharField(max_length=64, blank=True, default="")  # of the alert; empty: muted, it was noted silently
    opened_at = models.DateTimeField()
    limit = models.FloatField()
    value = models.FloatField()  # when it was opened
    eta = models.DateTimeField()  # as foreseen when it was opened
    eta_lo = models.DateTimeField(null=True, blank=True)
    eta_hi = models.DateTimeField(null=True, blank=True)
    nearest = models.FloatField()  # the value that came closest to the limit since
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.OPEN)
    closed_at = models.DateTimeField(null=True, blank=True)
    reached_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=300, blank=True, default="")  # why it was closed so
    withdrawn = models.PositiveSmallIntegerField(default=0)  # runs in a row that did not foresee it any more

    class Meta:
        constraints = [models.UniqueConstraint(fields=["track"], condition=Q(outcome="open"), name="one_open_foresight_per_track")]
        indexes = [
            models.Index(fields=["outcome", "-opened_at"], name="foresight_outcome"),  # the ledger; judged ones of a time
            models.Index(fields=["-opened_at"], name="foresight_opened"),  # the ledger, newest first
        ]

    def __str__(self) -> str:
        return f"{self.track_id}: {self.outcome}"

    @property
    def lead(self) -> Any:
        """How long before it came true it was said."""
        return self.reached_at - self.opened_at if self.reached_at else None
