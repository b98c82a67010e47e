from django.urls import path
from rest_framework.routers import SimpleRouter

from monitoring.inventory import api, api_dependencies

router = SimpleRouter()
router.register("dependencies", api_dependencies.Dependencies, basename="api-dependency")
urlpatterns = [
    path("resources/", api.ResourceList.as_view(), name="api-resources"),
    path("resources/<int:pk>/", api.ResourceDetail.as_view(), name="api-resource"),
    *router.urls,
]
