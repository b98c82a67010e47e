from django.urls import URLPattern, URLResolver, path

from genai.rag import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("documents/", views.listing, name="documents"),
    path("documents/upload/", views.add, name="document-upload"),
    path("documents/<int:pk>/", views.one, name="document"),
    path("documents/<int:pk>/remove/", views.remove, name="document-remove"),
]
