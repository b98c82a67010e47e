from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from genai.copilot import api

router = SimpleRouter()
router.register("conversations", api.Conversations, basename="api-conversation")
router.register("turns", api.Turns, basename="api-turn")
urlpatterns: list[URLPattern | URLResolver] = [path("chat", api.Chat.as_view(), name="api-chat"), *router.urls]
