from django.apps import AppConfig

from aiops import health, navigation


class ForecastingConfig(AppConfig):
    name = "forecasting"

    def ready(self) -> None:
        from forecasting import receivers as _receivers  # noqa: F401
        from forecasting import self_check, track_record
        from monitoring.dashboards import kept_pages

        health.register("forecasting", self_check.check)
        navigation.register("Foresee", "Forecasts", "forecasts", "forecasts", "monitoring:read", jump="f", order=10)
        navigation.register("Foresee", "Anomalies", "anomalies", "anomalies", "monitoring:read", jump="n", order=20)
        navigation.register("Foresee", "Analysis", "analysis", "flask", "monitoring:read", jump="y", order=30)
        navigation.count("forecasts", lambda: navigation.Badge(track_record.waiting()))
        kept_pages.register("forecasts", "Forecasts", "q|tab|within|watch|kind|model|state|sort")
        kept_pages.register("anomalies", "Anomalies", "q|state|reason|kind|site|feedback|least|range|from|to")
        kept_pages.register("analysis", "Analysis", "q|watch|of|track|range|from|to")
