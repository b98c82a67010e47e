from django.urls import path
from rest_framework.routers import SimpleRouter

from forecasting import api_foresight, api_predictions

router = SimpleRouter()
router.register("predictions", api_predictions.Predictions, basename="api-prediction")
router.register("forecasts", api_foresight.Forecasts, basename="api-forecast")
router.register("anomalies", api_foresight.Anomalies, basename="api-anomaly")
router.register("models", api_foresight.Models, basename="api-model")
router.register("watches", api_foresight.Watches, basename="api-watch")
urlpatterns = [
    path("predict", api_predictions.Predict.as_view(), name="api-predict"),
    path("capacity", api_foresight.Capacity.as_view(), name="api-capacity"),
    *router.urls,
]
