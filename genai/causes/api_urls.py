from django.urls import URLPattern, URLResolver, path

from genai.causes import api

urlpatterns: list[URLPattern | URLResolver] = [
    path("causes/", api.CausesView.as_view(), name="api-causes"),
    path("causes/<int:pk>/", api.AnalysisView.as_view(), name="api-analysis"),
]
