from django.urls import path, re_path

from monitoring.sources import form_views, views

urlpatterns = [
    path("sources/", views.sources, name="sources"),
    path("sources/add/", form_views.add, name="source-add"),
    path("sources/<int:pk>/", views.source, name="source"),
    path("sources/<int:pk>/edit/", form_views.edit, name="source-edit"),
    re_path(r"^sources/(?P<pk>\d{1,18})/(?P<verb>enable|disable|poll|reset)/$", views.act, name="source-act"),
]
