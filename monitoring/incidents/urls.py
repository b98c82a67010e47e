from django.urls import path

from monitoring.incidents import views, views_actions, views_gather

urlpatterns = [
    path("incidents/", views.incidents, name="incidents"),
    path("incidents/new/", views_actions.new, name="incident-new"),
    path("incidents/choose/", views_gather.choose, name="incident-choose"),
    path("incidents/gather/", views_gather.gather, name="incident-gather"),
    path("incidents/open/", views.open_ones, name="incidents-open"),
    path("incidents/of-alert/<int:pk>/", views.of_alert, name="incident-of-alert"),
    path("incidents/INC-<int:pk>/", views.by_number, name="incident-by-number"),
    path("incidents/<int:pk>/", views.incident, name="incident"),
    path("incidents/<int:pk>/impact.json", views.impact_data, name="incident-impact"),
    path("incidents/<int:pk>/act/", views_actions.act, name="incident-act"),
    path("incidents/<int:pk>/edit/", views_actions.edit, name="incident-edit"),
    path("incidents/<int:pk>/note/", views_actions.note, name="incident-note"),
    path("incidents/<int:pk>/merge/", views_actions.merge, name="incident-merge"),
    path("incidents/<int:pk>/alerts/", views_actions.members, name="incident-alerts"),
]
