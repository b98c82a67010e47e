from django.contrib import admin
from django.urls import include, path

from aiops import views

handler400 = "aiops.errors.bad_request"
handler403 = "aiops.errors.forbidden"
handler404 = "aiops.errors.not_found"
handler500 = "aiops.errors.server_error"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("api/health", views.HealthView.as_view(), name="api-health"),
    path("metrics", views.MetricsView.as_view(), name="metrics"),
]
