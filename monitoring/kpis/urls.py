from django.urls import path

from monitoring.kpis import views

urlpatterns = [
    path("executive/", views.executive, name="executive"),
    path("executive/figures.csv", views.download, name="executive-csv"),
    path("executive/trends", views.trends, name="executive-trends"),
]
