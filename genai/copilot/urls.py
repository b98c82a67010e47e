from django.urls import URLPattern, URLResolver, path

from genai.copilot import views, views_chat, views_conversation

urlpatterns: list[URLPattern | URLResolver] = [
    path("copilot/", views.copilot, name="copilot"),
    path("copilot/history/", views.listing, name="copilot-history"),
    path("copilot/panel/", views_chat.panel, name="copilot-panel"),
    path("copilot/ask/", views_chat.ask, name="copilot-ask"),
    path("copilot/turns/<int:pk>/", views_chat.turn, name="copilot-turn"),
    path("copilot/turns/<int:pk>/stop/", views_chat.stop, name="copilot-stop"),
    path("copilot/turns/<int:pk>/rate/", views_chat.rate, name="copilot-rate"),
    path("copilot/shared/<str:token>/", views.shared, name="copilot-shared"),
    path("copilot/<int:pk>/", views.conversation, name="copilot-conversation"),
    path("copilot/<int:pk>/rename/", views_conversation.rename, name="copilot-rename"),
    path("copilot/<int:pk>/share/", views_conversation.share, name="copilot-share"),
    path("copilot/<int:pk>/delete/", views_conversation.delete, name="copilot-delete"),
    path("copilot/<int:pk>/export.md", views_conversation.download, name="copilot-export"),
]
