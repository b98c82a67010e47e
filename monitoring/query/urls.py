"""Prometheus' HTTP API, for Grafana and every other client of it: their base address is <ours>/prometheus."""

from django.urls import path

from monitoring.query import catalogue, status, views

API = "prometheus/api/v1/"
urlpatterns = [
    path(f"{API}query", views.query, name="promql-query"),
    path(f"{API}query_range", views.query_range, name="promql-query-range"),
    path(f"{API}query_exemplars", views.query_exemplars, name="promql-exemplars"),
    path(f"{API}format_query", views.format_query, name="promql-format"),
    path(f"{API}series", catalogue.series, name="promql-series"),
    path(f"{API}labels", catalogue.labels, name="promql-labels"),
    path(f"{API}label/<str:name>/values", catalogue.label_values, name="promql-label-values"),
    path(f"{API}metadata", catalogue.metric_metadata, name="promql-metadata"),
    path(f"{API}rules", status.rules, name="promql-rules"),
    path(f"{API}alerts", status.alerts, name="promql-alerts"),
    path(f"{API}targets", status.targets, name="promql-targets"),
    path(f"{API}status/buildinfo", status.build, name="promql-build"),
    path(f"{API}status/flags", status.flags, name="promql-flags"),
    path(f"{API}status/runtimeinfo", status.runtime, name="promql-runtime"),
    path(f"{API}status/tsdb", catalogue.statistics, name="promql-statistics"),
    path("prometheus/-/healthy", status.healthy, name="promql-healthy"),
    path("prometheus/-/ready", status.ready, name="promql-ready"),
]
