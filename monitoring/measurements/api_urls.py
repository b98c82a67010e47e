from django.urls import URLPattern, path
from rest_framework.views import APIView

from monitoring.measurements import api, write_api

VIEWS: list[tuple[str, type[APIView], str]] = [
    ("facts", write_api.Facts, "facts"),
    ("facts/batch", write_api.FactBatch, "fact-batch"),
    ("facts/latest", api.Latest, "facts-latest"),
    ("facts/statistics", api.Statistics, "fact-statistics"),
    ("facts/<str:fact_id>", api.Fact, "fact"),
    ("vms", api.VMs, "vms"),
    ("vms/<path:vm>/metrics", api.VMMetrics, "vm-metrics"),
    ("stats", api.Totals, "fact-totals"),
    ("cleanup", write_api.Cleanup, "fact-cleanup"),
    ("completeness", api.Completeness, "fact-completeness"),
    ("missing-data", api.MissingData, "fact-missing"),
    ("metrics", api.LegacyMetrics, "legacy-metrics"),
    ("latest_metrics", api.LegacyLatestMetrics, "legacy-latest-metrics"),
]


def _both(route: str, view: type[APIView], name: str) -> list[URLPattern]:
    """With and without a slash at the end; the documentation tells of one."""
    return [path(route, view.as_view(), name=f"api-{name}"), path(f"{route}/", view.as_view(schema=None))]


urlpatterns = [pattern for route, view, name in VIEWS for pattern in _both(route, view, name)]
