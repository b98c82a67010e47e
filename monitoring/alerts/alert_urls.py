"""Pages of alerts."""

from django.urls import path

from monitoring.alerts import views_alert, views_alerts

urlpatterns = [
    path("alerts/", views_alerts.alerts, name="alerts"),
    path("alerts/ids.json", views_alerts.ids, name="alert-ids"),
    path("alerts/act/", views_alerts.act, name="alerts-act"),
    path("alerts/silence/", views_alerts.silence, name="alerts-silence"),
    path("alerts/silence/form/", views_alerts.silence_form, name="alerts-silence-form"),
    path("alerts/silence/preview/", views_alerts.silence_preview, name="alerts-silence-preview"),
    path("alerts/<int:pk>/", views_alert.alert, name="alert"),
]
