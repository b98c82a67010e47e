from django.urls import path

from monitoring.dashboards import resource_views, views

urlpatterns = [
    path("", views.overview, name="overview"),
    path("resources/", views.resources, name="resources"),
    path("resources/<int:pk>/", resource_views.resource, name="resource"),
    path("resources/<int:pk>/charts.json", resource_views.data, name="resource-charts"),
    path("resources/<int:pk>/charts.csv", resource_views.download, name="resource-csv"),
    path("system/", views.platform, name="system"),
    path("system/line", views.platform_line, name="platform-line"),
    path("palette", views.find, name="palette"),
]
