from django.apps import AppConfig

from aiops import health, navigation


class MonitoringConfig(AppConfig):
    name = "monitoring"

    def ready(self) -> None:
        from monitoring.alerts import receivers as _alerts  # noqa: F401
        from monitoring.ingest import receivers as _ingest  # noqa: F401
        from monitoring.measurements import catalogue as facts
        from monitoring.measurements import tasks as _imports  # noqa: F401  # taken up when the process starts
        from monitoring.sources import receivers as _sources  # noqa: F401
        from monitoring.sources import self_check
        from monitoring.store import receivers as _store  # noqa: F401
        from monitoring.store import retention
        from monitoring.store import self_check as store_check

        retention.promise(facts.promised)
        health.register("store", store_check.check)
        health.register("sources", self_check.check)
        navigation.register("Observe", "Sources", "sources", "config", "monitoring:read", jump="u", order=90)
        navigation.register("Observe", "Import", "imports", "database", "metrics:write", order=95)
        from monitoring.dashboards import receivers as _dashboards  # noqa: F401
        from monitoring.live import receivers as _live  # noqa: F401
