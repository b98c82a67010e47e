from django.urls import re_path

from monitoring.live.consumers import Metrics

urlpatterns = [re_path(r"^ws/metrics$", Metrics.as_asgi())]
