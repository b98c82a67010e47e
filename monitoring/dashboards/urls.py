from django.urls import path

from monitoring.dashboards import alert_chart, explorer_views, gpu_views, metric_pages, resource_views, saved_views, views

urlpatterns = [
    path("", views.overview, name="overview"),
    path("resources/", views.resources, name="resources"),
    path("resources/<int:pk>/", resource_views.resource, name="resource"),
    path("resources/<int:pk>/charts.json", resource_views.data, name="resource-charts"),
    path("resources/<int:pk>/charts.csv", resource_views.download, name="resource-csv"),
    path("alerts/<int:pk>/chart.json", alert_chart.data, name="alert-chart"),
    path("explore/", explorer_views.page, name="explorer"),
    path("explore/data.json", explorer_views.data, name="explorer-data"),
    path("explore/data.csv", explorer_views.download, name="explorer-csv"),
    path("explore/complete", explorer_views.complete, name="explorer-complete"),
    path("explore/check", explorer_views.check, name="explorer-check"),
    path("explore/changed", explorer_views.changed, name="explorer-changed"),
    path("explore/views/", saved_views.views, name="saved-views"),
    path("explore/views/of/<slug:page>/", saved_views.of_page, name="views-of-page"),
    path("explore/views/<int:pk>/", saved_views.change, name="saved-view"),
    path("explore/views/<int:pk>/delete/", saved_views.delete, name="saved-view-delete"),
    path("explore/metrics/", metric_pages.listing, name="metrics-list"),
    path("explore/metrics/<path:name>/", metric_pages.page, name="metric"),
    path("gpus/", gpu_views.page, name="gpus"),
    path("gpus/charts.json", gpu_views.data, name="gpu-charts"),
    path("system/", views.platform, name="system"),
    path("system/line", views.platform_line, name="platform-line"),
    path("palette", views.find, name="palette"),
]
