from django.urls import path
from rest_framework.routers import SimpleRouter

from genai.summaries import api

router = SimpleRouter()
router.register("digests", api.Digests, basename="api-digest")
urlpatterns = [
    path("summaries/<int:pk>/rating/", api.SummaryRatingView.as_view(), name="api-summary-rating"),
    path("summaries/<slug:kind>/<int:pk>/", api.SummaryView.as_view(), name="api-summary"),
    *router.urls,
]
