from django.apps import AppConfig

from aiops import health, navigation


class ForecastingConfig(AppConfig):
    name = "forecasting"

    def ready(self) -> None:
        from forecasting import receivers as _receivers  # noqa: F401
        from forecasting import self_check, track_record

        health.register("forecasting", self_check.check)
        navigation.register("Foresee", "Forecasts", "forecasts", "forecasts", "monitoring:read", jump="f", order=10)
        navigation.register("Foresee", "Anomalies", "anomalies", "anomalies", "monitoring:read", jump="n", order=20)
        navigation.register("Foresee", "Analysis", "analysis", "flask", "monitoring:read", jump="y", order=30)
        navigation.count("forecasts", lambda: navigation.Badge(track_record.waiting()))
