from django.urls import path

from monitoring.kpis import api

urlpatterns = [
    path("kpis/", api.Summary.as_view(), name="api-kpis"),
    path("kpis/figures.csv", api.SummaryCsv.as_view(), name="api-kpis-csv"),
    path("kpis/<slug:key>/", api.Rows.as_view(), name="api-kpi"),
    path("kpis/<slug:key>/rows.csv", api.RowsCsv.as_view(), name="api-kpi-csv"),
]
