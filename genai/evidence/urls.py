from django.urls import URLPattern, URLResolver, path

from genai.evidence import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("evidence/<int:pk>", views.evidence, name="evidence"),
    path("evidence/<int:pk>/check", views.check_again, name="evidence-check"),
    path("evidence/<int:pk>/chart.json", views.chart, name="evidence-chart"),
]
