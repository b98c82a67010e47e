from django.urls import URLPattern, URLResolver, path

from genai.mcp import views

urlpatterns: list[URLPattern | URLResolver] = [path("mcp", views.endpoint, name="mcp")]
