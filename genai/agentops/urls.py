from django.urls import URLPattern, URLResolver, path

from genai.agentops import views, views_execution, views_findings

urlpatterns: list[URLPattern | URLResolver] = [
    path("agents/", views.agents, name="agents"),
    path("agents/executions/<int:pk>/", views_execution.execution, name="agent-execution"),
    path("agents/executions/<int:pk>/text/", views_execution.as_text, name="agent-execution-text"),
    path("agents/findings/<int:pk>/dismiss/", views_findings.dismiss, name="finding-dismiss"),
    path("agents/findings/<int:pk>/reopen/", views_findings.reopen, name="finding-reopen"),
]
