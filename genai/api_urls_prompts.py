from rest_framework.routers import SimpleRouter

from genai import api_prompts

router = SimpleRouter()
router.register("prompts", api_prompts.Prompts, basename="api-prompt")
urlpatterns = router.urls
