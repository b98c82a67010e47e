from django.urls import path
from rest_framework.routers import SimpleRouter

from accounts import api
from accounts.api_docs import api_docs

router = SimpleRouter()
router.register("tokens", api.TokenViewSet, basename="api-token")
router.register("audit", api.AuditViewSet, basename="api-audit")

urlpatterns = [
    *router.urls,
    path("me/", api.MeView.as_view(), name="api-me"),
    path("schema/", api.SchemaView.as_view(), name="api-schema"),
    path("docs/", api_docs, name="api-docs"),
]
