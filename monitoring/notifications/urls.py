from django.urls import path, re_path

from monitoring.notifications import bell, views, views_channels, views_deliveries, views_policies, views_routes, views_schedules, views_you
from monitoring.notifications.slack_actions import slack_actions

NUMBER = r"(?P<pk>\d{1,18})"

urlpatterns = [
    re_path(r"^webhooks/slack/actions/?$", slack_actions, name="slack-actions"),
    path("notifications/", views.notifications, name="notifications"),
    path("notifications/bell/", bell.bell, name="bell"),
    path("notifications/bell/read/", bell.read_all, name="bell-read"),
    re_path(rf"^notifications/bell/{NUMBER}/$", bell.open_notice, name="bell-open"),
    path("notifications/who-would-hear/", views_routes.who_would_hear, name="who-would-hear"),
    re_path(rf"^notifications/of-alert/{NUMBER}/$", views_deliveries.of_alert, name="notifications-of-alert"),
    path("notifications/channels/add/", views_channels.add, name="notification-channel-add"),
    re_path(rf"^notifications/channels/{NUMBER}/$", views_channels.channel, name="notification-channel"),
    re_path(rf"^notifications/channels/{NUMBER}/edit/$", views_channels.edit, name="notification-channel-edit"),
    re_path(
        rf"^notifications/channels/{NUMBER}/(?P<verb>test|enable|disable|delete)/$", views_channels.act, name="notification-channel-act"
    ),
    path("notifications/routes/add/", views_routes.add, name="notification-route-add"),
    re_path(rf"^notifications/routes/{NUMBER}/edit/$", views_routes.edit, name="notification-route-edit"),
    re_path(rf"^notifications/routes/{NUMBER}/(?P<verb>up|down|enable|disable|delete)/$", views_routes.act, name="notification-route-act"),
    re_path(rf"^notifications/deliveries/{NUMBER}/$", views_deliveries.delivery, name="notification-delivery"),
    re_path(rf"^notifications/deliveries/{NUMBER}/retry/$", views_deliveries.retry, name="notification-retry"),
    path("notifications/escalations/add/", views_policies.add, name="escalation-add"),
    re_path(rf"^notifications/escalations/{NUMBER}/edit/$", views_policies.edit, name="escalation-edit"),
    re_path(rf"^notifications/escalations/{NUMBER}/delete/$", views_policies.delete, name="escalation-delete"),
    path("notifications/schedules/add/", views_schedules.add, name="schedule-add"),
    re_path(rf"^notifications/schedules/{NUMBER}/edit/$", views_schedules.edit, name="schedule-edit"),
    re_path(rf"^notifications/schedules/{NUMBER}/delete/$", views_schedules.delete, name="schedule-delete"),
    re_path(rf"^notifications/schedules/{NUMBER}/override/$", views_schedules.override, name="schedule-override"),
    re_path(rf"^notifications/overrides/{NUMBER}/delete/$", views_schedules.end_override, name="schedule-override-delete"),
    re_path(rf"^notifications/contacts/{NUMBER}/delete/$", views_you.forget, name="contact-delete"),
]
