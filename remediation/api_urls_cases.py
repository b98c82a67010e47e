from rest_framework.routers import SimpleRouter

from remediation import api_cases, api_providers

router = SimpleRouter()
router.register("executions", api_cases.Executions, basename="api-execution")
router.register("approvals", api_cases.Approvals, basename="api-approval")
router.register("providers", api_providers.Providers, basename="api-provider")
router.register("switches", api_cases.Switches, basename="api-switch")
urlpatterns = router.urls
