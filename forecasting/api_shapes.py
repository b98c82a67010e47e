"""What the API of forecasts and anomalies takes and gives."""

import math
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from forecasting.foretelling import MOST
from forecasting.models import Anomaly, Forecast, ForecastModel, Prediction, Watch

MOST_AT_ONCE = 1000


class Number(serializers.FloatField):
    """A finite number."""

    def to_internal_value(self, data: Any) -> float:
        value: float = super().to_internal_value(data)
        if not math.isfinite(value):
            raise ValidationError("Write a finite number.")
        return value


class PredictSerializer(serializers.Serializer):
    vm = serializers.CharField(max_length=255, help_text="whose series it is: a resource's name")
    metric = serializers.CharField(max_length=400, help_text="a metric, or of several a series as the list of forecasts names it")
    horizon = serializers.IntegerField(min_value=1, max_value=MOST, required=False, default=48, help_text="points ahead")
    labels = serializers.DictField(child=serializers.CharField(max_length=1000), required=False, default=dict)


class PointSerializer(serializers.Serializer):
    timestamp = serializers.DateTimeField()
    mean = serializers.FloatField()
    lower = serializers.FloatField(help_text="80 % band")
    upper = serializers.FloatField()
    lower95 = serializers.FloatField()
    upper95 = serializers.FloatField()


class ForetoldSerializer(serializers.Serializer):
    vm = serializers.CharField()
    metric = serializers.CharField()
    step = serializers.IntegerField(help_text="seconds between points")
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a field here, not DRF's attribute
        ["stored", "numpy"], help_text="stored: of the last run; numpy: computed now by the light level"
    )
    model = serializers.IntegerField(allow_null=True)
    version = serializers.IntegerField(allow_null=True)
    ratio = serializers.FloatField(
        allow_null=True, help_text="error over that of the same time yesterday; from 1 on it is not predictable yet"
    )
    weights = serializers.DictField(child=serializers.FloatField())
    notes = serializers.ListField(child=serializers.CharField(), help_text="what was done to the series first")
    points = PointSerializer(many=True)


class PredictionSerializer(serializers.ModelSerializer):
    mean, lower, upper = Number(), Number(), Number()

    class Meta:
        model = Prediction
        fields = ("id", "vm", "metric", "timestamp", "mean", "lower", "upper", "actual", "made_at", "model")
        read_only_fields = ("id", "actual", "made_at", "model")
        validators: tuple[Any, ...] = ()  # one of the same time is replaced

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if not given["lower"] <= given["mean"] <= given["upper"]:
            raise ValidationError("lower is at most mean, and mean at most upper.")
        return given


class BatchSerializer(serializers.Serializer):
    predictions = serializers.ListField(child=PredictionSerializer(), min_length=1, max_length=MOST_AT_ONCE)

    def validate_predictions(self, given: list[dict[str, Any]]) -> list[dict[str, Any]]:
        keys = [(one["vm"], one["metric"], one["timestamp"]) for one in given]
        if len(set(keys)) < len(keys):
            raise ValidationError("A vm, metric and time is given twice.")
        return given


class StoredSerializer(serializers.Serializer):
    stored = serializers.IntegerField()


class ComparedPointSerializer(serializers.Serializer):
    timestamp = serializers.DateTimeField()
    mean = serializers.FloatField()
    lower = serializers.FloatField()
    upper = serializers.FloatField()
    actual = serializers.FloatField()


class ComparedSerializer(serializers.Serializer):
    vm = serializers.CharField()
    metric = serializers.CharField()
    n = serializers.IntegerField()
    mae = serializers.FloatField(allow_null=True, help_text="mean absolute error, in the metric's unit")
    rmse = serializers.FloatField(allow_null=True)
    bias = serializers.FloatField(allow_null=True, help_text="mean of what came less what was foretold")
    inside = serializers.FloatField(allow_null=True, help_text="share of what came inside the 80 % band")
    points = ComparedPointSerializer(many=True)


class AnomalySerializer(serializers.ModelSerializer):
    vm = serializers.CharField(source="track.vm")
    metric = serializers.CharField(source="track.series")
    watch = serializers.IntegerField(source="track.watch_id")
    resource = serializers.IntegerField(source="track.resource_id", allow_null=True)
    open = serializers.BooleanField(source="is_open")

    class Meta:
        model = Anomaly
        fields = (
            "id", "vm", "metric", "watch", "resource", "track", "open", "started_at", "peak_at", "ended_at", "score", "reason", "value",
            "low", "high", "channels", "feedback", "feedback_by", "feedback_at",
        )  # fmt: skip
        read_only_fields = fields


class FeedbackSerializer(serializers.Serializer):
    feedback = serializers.ChoiceField(Anomaly.Feedback.choices, allow_blank=True, help_text="empty takes it back")


class ModelSerializer(serializers.ModelSerializer):
    vm = serializers.CharField(source="track.vm")
    metric = serializers.CharField(source="track.series")

    class Meta:
        model = ForecastModel
        fields = (
            "id", "vm", "metric", "track", "version", "kind", "level", "active", "made_at", "why", "params", "trained_from", "trained_to",
            "rows", "weights", "errors", "mae", "mase", "naive_mase", "ratio", "coverage", "cpu_seconds", "fault",
        )  # fmt: skip
        read_only_fields = fields


class ForecastSerializer(serializers.ModelSerializer):
    vm = serializers.CharField(source="track.vm")
    metric = serializers.CharField(source="track.series")
    watch = serializers.IntegerField(source="track.watch_id")
    resource = serializers.IntegerField(source="track.resource_id", allow_null=True)
    state = serializers.CharField(source="track.state")
    reason = serializers.CharField(source="track.reason", help_text="why it is not predictable yet, one sentence")
    start = serializers.IntegerField(help_text="ms, of the first point")

    class Meta:
        model = Forecast
        fields = (
            "id", "track", "vm", "metric", "watch", "resource", "state", "reason", "model", "made_at", "value", "limit", "eta", "eta_lo",
            "eta_hi", "agreeing", "fault", "start", "step", "points",
        )  # fmt: skip
        read_only_fields = fields


class CapacityRequestSerializer(serializers.Serializer):
    vm = serializers.CharField(max_length=255)
    metric = serializers.CharField(max_length=400)
    limit = Number(required=False, allow_null=True, help_text="the watch's unless said otherwise")
    load = Number(required=False, allow_null=True, help_text="per cent more, for example 30")
    nodes = serializers.IntegerField(required=False, allow_null=True, min_value=2, max_value=10_000)
    removed = serializers.IntegerField(required=False, default=1, min_value=1, max_value=10_000)
    total = Number(required=False, allow_null=True, help_text="all there is, for limits from above")


class EtaSerializer(serializers.Serializer):
    eta = serializers.DateTimeField(allow_null=True, help_text="null: not within what is looked ahead")
    lo = serializers.DateTimeField(allow_null=True, help_text="80 % interval")
    hi = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)


class CapacitySerializer(serializers.Serializer):
    vm = serializers.CharField()
    metric = serializers.CharField()
    limit = serializers.FloatField()
    level = serializers.FloatField(help_text="the last value, under the changed load")
    now = EtaSerializer()
    then = EtaSerializer()


class WatchSerializer(serializers.ModelSerializer):
    class Meta:
        model = Watch
        fields = (
            "id", "key", "name", "metric", "expr", "unit", "direction", "limit", "step", "detect", "forecast", "forecast_step", "horizon",
            "warn_within", "agreeing", "sensitivity", "alert_anomalies", "most", "enabled", "locked", "muting", "muted_because",
            "last_error", "last_series",
        )  # fmt: skip
        read_only_fields = ("id", "key", "locked", "muted_because", "last_error", "last_series")
        validators: tuple[Any, ...] = ()  # forecasting.watches.check says it in its own words
