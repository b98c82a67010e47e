from rest_framework.routers import SimpleRouter

from genai.rag import api

router = SimpleRouter()
router.register("documents", api.Documents, basename="api-document")
urlpatterns = router.urls
