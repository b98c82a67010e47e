from django.urls import URLPattern, URLResolver, path

from genai.evidence import api

urlpatterns: list[URLPattern | URLResolver] = [
    path("evidence/<int:pk>/", api.EvidenceView.as_view(), name="api-evidence"),
]
