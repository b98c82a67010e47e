from rest_framework.routers import SimpleRouter

from genai.agentops import api

router = SimpleRouter()
router.register("agents", api.Agents, basename="api-agent")
router.register("executions", api.AgentExecutions, basename="api-agent-execution")
router.register("evaluations", api.AgentEvaluations, basename="api-agent-evaluation")
router.register("findings", api.AgentFindings, basename="api-agent-finding")
urlpatterns = router.urls
