"""/api/v1/genai/: the one door's own below, then those of each room."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("genai.api_urls_prompts")),
    path("", include("genai.agentops.api_urls")),
    path("", include("genai.causes.api_urls")),
    path("", include("genai.copilot.api_urls")),
    path("", include("genai.evidence.api_urls")),
    path("", include("genai.rag.api_urls")),
    path("", include("genai.summaries.api_urls")),
]
