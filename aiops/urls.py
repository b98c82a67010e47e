from django.contrib import admin
from django.urls import include, path

from aiops import views

handler400 = "aiops.errors.bad_request"
handler403 = "aiops.errors.forbidden"
handler404 = "aiops.errors.not_found"
handler500 = "aiops.errors.server_error"

urlpatterns = [
    path("webhooks/", include("monitoring.ingest.urls")),  # first: asked most often
    path("api/v1/", include("monitoring.measurements.api_urls")),
    path("admin/", admin.site.urls),
    path("", include("accounts.urls")),
    path("api/", include("accounts.api_urls")),
    path("api/health", views.HealthView.as_view(), name="api-health"),
    path("metrics", views.MetricsView.as_view(), name="metrics"),
    path("", include("monitoring.query.urls")),
    path("", include("monitoring.sources.urls")),
    path("", include("monitoring.measurements.urls")),
    path("api/", include("monitoring.inventory.api_urls")),
    path("api/", include("monitoring.sources.api_urls")),
    path("api/v1/", include("monitoring.alerts.api_urls")),
    path("api/v1/", include("monitoring.incidents.api_urls")),
    path("api/v1/", include("monitoring.notifications.api_urls")),
    path("api/v1/", include("monitoring.kpis.api_urls")),
    path("api/v1/", include("forecasting.api_urls")),
    path("api/v1/remediation/", include("remediation.api_urls")),
    path("api/v1/genai/", include("genai.api_urls")),
    path("", include("monitoring.alerts.urls")),
    path("", include("monitoring.incidents.urls")),
    path("", include("monitoring.notifications.urls")),
    path("", include("monitoring.kpis.urls")),
    path("", include("monitoring.dashboards.urls")),
    path("", include("forecasting.urls")),
    path("", include("remediation.urls")),
    path("", include("genai.urls")),
]
