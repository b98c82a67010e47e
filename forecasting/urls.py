from django.urls import path

from forecasting import views_analysis, views_anomalies, views_forecasts, views_models, views_watches

urlpatterns = [
    path("forecasts/", views_forecasts.forecasts, name="forecasts"),
    path("forecasts/models/", views_models.models, name="forecast-models"),
    path("forecasts/watches/", views_watches.listing, name="watches"),
    path("forecasts/watches/new/", views_watches.new, name="watch-new"),
    path("forecasts/watches/preview", views_watches.preview, name="watch-preview"),
    path("forecasts/watches/<int:pk>/", views_watches.watch, name="watch"),
    path("forecasts/watches/<int:pk>/act/", views_watches.act, name="watch-act"),
    path("forecasts/<int:pk>/", views_forecasts.forecast, name="forecast"),
    path("forecasts/<int:pk>/chart.json", views_forecasts.chart, name="forecast-chart"),
    path("forecasts/<int:pk>/retrain/", views_forecasts.retrain, name="forecast-retrain"),
    path("anomalies/", views_anomalies.anomalies, name="anomalies"),
    path("anomalies/<int:pk>/", views_anomalies.anomaly, name="anomaly"),
    path("anomalies/<int:pk>/chart.json", views_anomalies.chart, name="anomaly-chart"),
    path("anomalies/<int:pk>/rate/", views_anomalies.rate, name="anomaly-rate"),
    path("analysis/", views_analysis.page, name="analysis"),
]
