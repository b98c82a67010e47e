from django.apps import AppConfig

from aiops import health, navigation


class MonitoringConfig(AppConfig):
    name = "monitoring"

    def ready(self) -> None:
        from monitoring.alerts import receivers as _alerts  # noqa: F401
        from monitoring.incidents import receivers as _incidents  # noqa: F401
        from monitoring.ingest import receivers as _ingest  # noqa: F401
        from monitoring.measurements import catalogue as facts
        from monitoring.measurements import tasks as _imports  # noqa: F401  # taken up when the process starts
        from monitoring.notifications import self_check as notification_check
        from monitoring.sources import receivers as _sources  # noqa: F401
        from monitoring.sources import self_check
        from monitoring.store import receivers as _store  # noqa: F401
        from monitoring.store import retention
        from monitoring.store import self_check as store_check

        retention.promise(facts.promised)
        health.register("store", store_check.check)
        health.register("sources", self_check.check)
        health.register("notifications", notification_check.check)
        navigation.register("Respond", "Alerts", "alerts", "alerts", "monitoring:read", jump="a", order=10)
        navigation.register("Respond", "Silences", "silences", "silence", "monitoring:read", jump="z", order=40)
        navigation.register("Respond", "Rules", "rules", "flask", "monitoring:read", jump="w", order=60)
        navigation.register("Respond", "Notifications", "notifications", "mail", "monitoring:read", jump="m", order=50)
        navigation.register("Observe", "Sources", "sources", "config", "monitoring:read", jump="u", order=90)
        navigation.register("Observe", "Import", "imports", "database", "metrics:write", order=95)
        navigation.register("Govern", "Executive", "executive", "executive", "monitoring:read", jump="x", order=90)
        from monitoring.dashboards import receivers as _dashboards  # noqa: F401
        from monitoring.kpis import receivers as _kpis  # noqa: F401
        from monitoring.live import receivers as _live  # noqa: F401
        from monitoring.notifications import receivers as _notifications  # noqa: F401
        from monitoring.notifications import slack_acting as _slack  # noqa: F401  # its task
