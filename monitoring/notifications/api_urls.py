from rest_framework.routers import SimpleRouter

from monitoring.notifications import api_channels, api_deliveries, api_oncall, api_routes

router = SimpleRouter()
router.register("notifications/channels", api_channels.Channels, basename="api-notification-channel")
router.register("notifications/routes", api_routes.Routes, basename="api-notification-route")
router.register("notifications/policies", api_routes.Policies, basename="api-escalation-policy")
router.register("notifications/schedules", api_oncall.Schedules, basename="api-schedule")
router.register("notifications/deliveries", api_deliveries.Deliveries, basename="api-delivery")
urlpatterns = router.urls
