from django.apps import AppConfig


class PlatformConfig(AppConfig):
    name = "aiops"
    label = "platform"
    verbose_name = "Platform"

    def ready(self) -> None:
        from aiops import checks  # noqa: F401
