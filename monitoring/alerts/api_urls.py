from rest_framework.routers import SimpleRouter

from monitoring.alerts import api_alerts, api_rules, api_silences

router = SimpleRouter()
router.register("alerts", api_alerts.Alerts, basename="api-alert")
router.register("rules", api_rules.Rules, basename="api-rule")
router.register("silences", api_silences.Silences, basename="api-silence")
urlpatterns = router.urls
