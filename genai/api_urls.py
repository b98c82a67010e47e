"""/api/v1/genai/: the one door's own below, then those of each room."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from genai import api_calls, api_models

router = SimpleRouter()
router.register("models", api_models.LanguageModels, basename="api-language-model")
router.register("budgets", api_models.Budgets, basename="api-budget")
router.register("completions", api_calls.Completions, basename="api-completion")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(router.urls)),
    path("", include("genai.api_urls_prompts")),
    path("", include("genai.agentops.api_urls")),
    path("", include("genai.causes.api_urls")),
    path("", include("genai.copilot.api_urls")),
    path("", include("genai.evidence.api_urls")),
    path("", include("genai.rag.api_urls")),
    path("", include("genai.summaries.api_urls")),
]
