"""`manage.py check --deploy` as a production installation would run it: every warning is a failure."""

import os
import subprocess
import sys
import tempfile

PRODUCTION = {
    "DATABASE_URL": "postgres://aiops:secret@db:5432/aiops",
    "REDIS_URL": "redis://redis:6379/0",
    "AIOPS_SECRET_KEY": "checked-with-a-key-that-is-long-and-has-many-different-characters-0123456789",
    "AIOPS_URL": "https://aiops.example.org",
    "AIOPS_ALLOWED_HOSTS": "aiops.example.org",
    "AIOPS_TRUSTED_PROXIES": "1",
}

with tempfile.TemporaryDirectory() as data:
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    sys.exit(subprocess.call(command, env={**os.environ, **PRODUCTION, "AIOPS_DATA_DIR": data}))
