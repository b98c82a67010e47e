from rest_framework.routers import SimpleRouter

from monitoring.incidents import api

router = SimpleRouter()
router.register("incidents", api.Incidents, basename="api-incident")
urlpatterns = router.urls
