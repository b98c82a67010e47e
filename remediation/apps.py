from django.apps import AppConfig

from aiops import health


class RemediationConfig(AppConfig):
    name = "remediation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from aiops import processes
        from monitoring.dashboards import kept_pages, palette
        from remediation import case_receivers as _case_receivers  # noqa: F401
        from remediation import figures, self_check
        from remediation import receivers as _receivers  # noqa: F401
        from remediation.crew import crew

        health.register("remediation", self_check.check)
        figures.register()
        processes.before_the_end(crew.finish)
        kept_pages.register("runbooks", "Runbooks", "q|state|risk|provider|outcome|origin|tag|sort")
        palette.offer("Runbooks", "remediation", "runbooks", "monitoring:read")
        palette.offer("New runbook", "plus", "runbook-new", "remediation:execute")
        kept_pages.register("automation-rules", "Automation rules", "q|state|acts|kind|sort")
