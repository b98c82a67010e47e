from rest_framework.routers import SimpleRouter

from remediation import api_rules

router = SimpleRouter()
router.register("rules", api_rules.AutomationRules, basename="api-automation-rule")
router.register("policy", api_rules.PolicyTable, basename="api-policy")
urlpatterns = router.urls
