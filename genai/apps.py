from django.apps import AppConfig


class GenaiConfig(AppConfig):
    name = "genai"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from aiops import health, navigation
        from genai import self_check
        from genai.causes import receivers as _causes  # noqa: F401
        from genai.copilot import receivers as _copilot  # noqa: F401
        from genai.rag import receivers as _rag  # noqa: F401
        from genai.summaries import receivers as _summaries  # noqa: F401

        navigation.register("Assist", "Copilot", "copilot", "copilot", "genai:use", jump="c", order=10)
        navigation.register("Assist", "Agents", "agents", "agents", "monitoring:read", jump="g", order=20)
        navigation.register("Assist", "Models", "llm-calls", "settings", "genai:configure", order=90)
        health.register("models", self_check.check)
