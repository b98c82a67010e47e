import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from aiops import embedded, env, lock, prepare, processes, resume, server


class Command(BaseCommand):
    help = "Runs everything in this one process: web server, worker and beat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=env.whole("PORT", 8000, 0, 65535))

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        server.end_quietly()
        try:
            held = lock.take(settings.DATA_DIR)
            listener = server.listen(host, port)
        except (lock.Taken, server.PortTaken) as refusal:
            sys.exit(str(refusal))
        except OSError as fault:
            sys.exit(f"The data directory {settings.DATA_DIR} cannot be used ({fault.strerror}); set AIOPS_DATA_DIR to another one.")
        made = prepare.everything()
        processes.start("embedded")
        resume.run()
        parts = embedded.Parts()

        def when_up() -> None:
            parts.start()
            self._announce(host, port, made)

        server.serve(host, port, listener, when_up)
        parts.stop()
        processes.stop()
        held.close()
        sys.stdout.flush()
        os._exit(0)  # a task that is still busy in a thread would keep the interpreter waiting

    def _announce(self, host: str, port: int, made: tuple[Any, str | None] | None) -> None:
        name = "localhost" if host in ("127.0.0.1", "::1") else host
        self.stdout.write(f"AIOps is at http://{name}:{port}/ (Ctrl-C ends it)")
        if made:
            self.stdout.write(prepare.announcement(made))
        self.stdout.flush()
