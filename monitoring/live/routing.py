from django.urls import re_path

from monitoring.live.consumers import Alerts, Metrics

urlpatterns = [re_path(r"^ws/metrics$", Metrics.as_asgi()), re_path(r"^ws/alerts$", Alerts.as_asgi())]
