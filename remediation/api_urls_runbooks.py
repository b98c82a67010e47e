from rest_framework.routers import SimpleRouter

from remediation import api_runbooks

router = SimpleRouter()
router.register("runbooks", api_runbooks.Runbooks, basename="api-runbook")
urlpatterns = router.urls
