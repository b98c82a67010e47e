"""One process, three kinds of traffic: pages and API as WSGI on a thread pool, websockets on the loop."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiops.settings")

from a2wsgi import WSGIMiddleware  # noqa: E402
from channels.routing import ProtocolTypeRouter  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402

application = ProtocolTypeRouter({"http": WSGIMiddleware(get_wsgi_application(), workers=8)})
