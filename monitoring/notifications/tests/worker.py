"""A worker as the product runs it, in a process of its own that a test may kill: `python -m …worker <database> <port of nothing>`."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager

from django.conf import settings


@contextmanager
def worker():
    """The process; killed at the end, if it still lives."""
    environment = {**os.environ, "AIOPS_SECRET_KEY": settings.SECRET_KEY, "AIOPS_DATA_DIR": str(settings.DATA_DIR)}
    name = str(settings.DATABASES["default"]["NAME"])
    process = subprocess.Popen([sys.executable, "-m", "monitoring.notifications.tests.worker", name], env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def main(database: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiops.settings")
    import django

    settings.DATABASES["default"]["NAME"] = database
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    django.setup()
    from monitoring.notifications import tasks

    while True:
        tasks.tend_notifications()
        time.sleep(0.05)


if __name__ == "__main__":
    main(sys.argv[1])
