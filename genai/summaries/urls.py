from django.urls import URLPattern, URLResolver, path

from genai.summaries import views, views_digests

urlpatterns: list[URLPattern | URLResolver] = [
    path("digests/", views_digests.listing, name="digests"),
    path("digests/now/", views_digests.now, name="digest-now"),
    path("digests/<int:pk>/", views_digests.one, name="digest"),
    path("summaries/rate/<int:pk>/", views.rate, name="summary-rate"),
    path("summaries/review/<int:pk>/take/", views.take_review, name="summary-take-review"),
    path("summaries/<slug:kind>/<int:pk>/", views.fragment, name="summary"),
    path("summaries/<slug:kind>/<int:pk>/word/", views.word, name="summary-word"),
]
