import sys
from argparse import ArgumentParser
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand

from aiops import env, prepare, server


class Command(BaseCommand):
    help = "Runs the web server alone; needs PostgreSQL and Redis, and a worker and beat beside it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="0.0.0.0")  # noqa: S104  a container is reached from outside
        parser.add_argument("--port", type=int, default=env.whole("PORT", 8000, 0, 65535))
        parser.add_argument("--workers", type=int, default=1)

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.PRODUCTION:
            self._refuse("web needs DATABASE_URL and REDIS_URL; without them, run everything in one process: manage.py up")
        if prepare.unapplied():
            self._refuse("The database is not up to date; run manage.py prepare first.")
        prepare.collect_static()
        host, port, workers = options["host"], options["port"], options["workers"]
        if workers > 1:
            uvicorn.run(server.APPLICATION, workers=workers, **server.options(host, port))
            return
        try:
            listener = server.listen(host, port)
        except server.PortTaken as refusal:
            self._refuse(str(refusal))
        server.serve(host, port, listener)

    def _refuse(self, sentence: str) -> None:
        self.stderr.write(sentence)
        sys.exit(1)
