"""Pages: the one door's own below, then those of each room."""

from django.urls import URLPattern, URLResolver, include, path

from genai import views_budgets, views_calls, views_models, views_prompts

urlpatterns: list[URLPattern | URLResolver] = [
    path("agents/prompts/<slug:purpose>/", views_prompts.prompt, name="prompt"),
    path("agents/prompts/<slug:purpose>/new/", views_prompts.new, name="prompt-new"),
    path("agents/prompts/<slug:purpose>/weigh/", views_prompts.weigh, name="prompt-weigh"),
    path("agents/prompts/<slug:purpose>/versions/<int:number>/promote/", views_prompts.promote, name="prompt-promote"),
    path("assistant/calls/", views_calls.calls, name="llm-calls"),
    path("assistant/calls/<int:pk>/", views_calls.call, name="llm-call"),
    path("assistant/models/", views_models.listing, name="llm-models"),
    path("assistant/models/add/", views_models.add, name="llm-model-add"),
    path("assistant/models/<int:pk>/", views_models.model, name="llm-model"),
    path("assistant/models/<int:pk>/edit/", views_models.edit, name="llm-model-edit"),
    path("assistant/models/<int:pk>/check/", views_models.check, name="llm-model-check"),
    path("assistant/models/<int:pk>/delete/", views_models.delete, name="llm-model-delete"),
    path("assistant/models/<int:pk>/enable/", views_models.turn, {"verb": "enable"}, name="llm-model-enable"),
    path("assistant/models/<int:pk>/disable/", views_models.turn, {"verb": "disable"}, name="llm-model-disable"),
    path("assistant/models/<int:pk>/up/", views_models.move, {"way": "up"}, name="llm-model-up"),
    path("assistant/models/<int:pk>/down/", views_models.move, {"way": "down"}, name="llm-model-down"),
    path("assistant/budgets/", views_budgets.listing, name="llm-budgets"),
    path("assistant/budgets/add/", views_budgets.add, name="llm-budget-add"),
    path("assistant/budgets/<int:pk>/", views_budgets.edit, name="llm-budget"),
    path("assistant/budgets/<int:pk>/delete/", views_budgets.delete, name="llm-budget-delete"),
    path("assistant/masking/", views_budgets.masking, name="llm-masking"),
    path("", include("genai.agentops.urls")),
    path("", include("genai.causes.urls")),
    path("", include("genai.copilot.urls")),
    path("", include("genai.evidence.urls")),
    path("", include("genai.rag.urls")),
    path("", include("genai.summaries.urls")),
    path("", include("genai.mcp.urls")),
]
