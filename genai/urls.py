"""Pages: the one door's own below, then those of each room."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("genai.agentops.urls")),
    path("", include("genai.causes.urls")),
    path("", include("genai.copilot.urls")),
    path("", include("genai.evidence.urls")),
    path("", include("genai.rag.urls")),
    path("", include("genai.summaries.urls")),
    path("", include("genai.mcp.urls")),
]
