"""Every test runs on its own data directory and database; nothing of a developer's installation is read or written."""

import os
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings

pytest_plugins = ["accounts.testing", "monitoring.dashboards.tests.browsing", "genai.testing"]

settings.DATA_DIR = Path(tempfile.mkdtemp(prefix="aiops-test-"))
if "sqlite3" in settings.DATABASES["default"]["ENGINE"]:
    settings.DATABASES["default"]["TEST"]["NAME"] = str(settings.DATA_DIR / "test.sqlite3")
if settings.REDIS_URL and (worker := os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")):
    # Each worker has a Redis database of its own: emptying one's cache must not end another's sign-in.
    settings.REDIS_URL = urlsplit(settings.REDIS_URL)._replace(path=f"/{14 - int(worker)}").geturl()
    settings.CACHES["default"]["LOCATION"] = settings.CELERY_BROKER_URL = settings.REDIS_URL
    settings.CHANNEL_LAYERS["default"]["CONFIG"] = {"hosts": [settings.REDIS_URL], "prefix": f"aiops-{worker}"}
settings.STATIC_ROOT = settings.DATA_DIR / "static"
settings.STATIC_ROOT.mkdir()
settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
settings.SECURE_SSL_REDIRECT = False
settings.ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
settings.CELERY_TASK_ALWAYS_EAGER = False
settings.LOCAL_HOST_SOURCE = False
settings.RULE_PACKS = False
settings.WATCH_PACKS = False
settings.RUNBOOK_PACKS = False
settings.NOTIFICATION_DEFAULTS = False


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """Token look-ups, sessions, rate limits and alerts held in memory of one test are not another's."""
    from django.core.cache import cache

    from monitoring.alerts import standing

    cache.clear()
    standing.forget()


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser tests of a file share an installation, so they stay on one worker; the files are shared out."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.xdist_group(f"browser {item.path.stem}"))
