"""Each address with and without a slash at the end: senders do not follow redirects."""

from django.urls import URLPattern, re_path

from monitoring.ingest import notice_views, views
from monitoring.ingest.doors import View


def _door(address: str, view: View, name: str) -> URLPattern:
    return re_path(rf"^{address}/?$", view, name=f"webhook-{name}")


urlpatterns = [
    _door("prometheus", views.prometheus, "prometheus"),
    _door("prometheus/api/v1/write", views.prometheus, "prometheus-write"),
    _door("influxdb/write", views.influx_v1, "influxdb"),
    _door("influxdb/api/v2/write", views.influx_v2, "influxdb-v2"),
    _door("influxdb/query", views.influx_query, "influxdb-query"),
    _door("influxdb/ping", views.influx_ping, "influxdb-ping"),
    _door("influxdb/health", views.influx_health, "influxdb-health"),
    _door("influxdb/ready", views.influx_ready, "influxdb-ready"),
    _door("telegraf", views.telegraf, "telegraf"),
    _door("metrics", views.metrics, "metrics"),
    _door("alertmanager", notice_views.alertmanager, "alertmanager"),
    _door("grafana", notice_views.grafana, "grafana"),
    _door("alerts", notice_views.alerts, "alerts"),
]
