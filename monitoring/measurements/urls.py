from django.urls import path

from monitoring.measurements import views

urlpatterns = [
    path("imports/", views.imports, name="imports"),
    path("imports/<int:pk>/", views.one, name="import"),
    path("imports/<int:pk>/change/", views.change, name="import-change"),
    path("imports/<int:pk>/discard/", views.discard, name="import-discard"),
    path("imports/<int:pk>/refused.csv", views.report, name="import-report"),
]
