from django.urls import path
from rest_framework.routers import SimpleRouter

from monitoring.sources import api, series_api

router = SimpleRouter()
router.register("sources", api.Sources, basename="api-source")
urlpatterns = [
    path("resources/<int:pk>/series/", series_api.ResourceSeries.as_view(), name="api-resource-series"),
    path("series/data", series_api.SeriesData.as_view(), name="api-series-data"),
    *router.urls,
]
