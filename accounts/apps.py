from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class AuditedAdminConfig(admin_apps.AdminConfig):
    default = False
    default_site = "accounts.admin_site.AuditedAdminSite"


class AccountsConfig(AppConfig):
    name = "accounts"
    default = True

    def ready(self) -> None:
        from accounts import receivers, schema  # noqa: F401
        from accounts.trail_health import check
        from aiops import health, navigation

        navigation.register("Govern", "Audit", "audit", "shield", "audit:read", jump="d", order=90)
        health.register("audit trail", check)
