"""Run the suite on SQLite, and once more on PostgreSQL + Redis where they let us in. Tests marked `once` touch neither.

Usage: run_tests.py [pytest arguments …]
DATABASE_URL and REDIS_URL name the servers, else the usual local ports are tried. With CI=true a server that is
missing, or a browser that is missing, is a failure; otherwise the second run is skipped with one line.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from urllib.parse import urlsplit

CI = os.environ.get("CI", "").lower() == "true"
POSTGRES = ["postgres://postgres@127.0.0.1:5432/postgres", "postgres://postgres:postgres@127.0.0.1:5432/postgres"]
REDIS = ["redis://127.0.0.1:6379/15"]


def postgres_fault(url: str) -> str | None:
    """Why this server cannot hold a test database, or None."""
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=3) as connection:
            allowed = connection.execute("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    except psycopg.Error as fault:
        return str(fault).strip().splitlines()[0]
    return None if allowed and allowed[0] else "its user may not create databases"


def redis_fault(url: str) -> str | None:
    import redis

    try:
        redis.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3).ping()
    except redis.RedisError as fault:
        return str(fault)
    return None


def first_open(urls: list[str], fault_of) -> tuple[str | None, str]:
    why = ""
    for url in urls:
        fault = fault_of(url)
        if fault is None:
            return url, ""
        why = f"{urlsplit(url).hostname}:{urlsplit(url).port}: {fault}"
    return None, why


def suite(name: str, arguments: list[str], **extra: str) -> int:
    print(f"\n=== {name}", flush=True)
    with tempfile.TemporaryDirectory(prefix="aiops-test-") as data:
        environment = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}
        environment |= {"AIOPS_DATA_DIR": data, "AIOPS_LOG_LEVEL": "WARNING", **extra}
        workers = ["-n", os.environ.get("TEST_WORKERS", "2"), "--dist", "loadgroup"]
        return subprocess.call([sys.executable, "-m", "pytest", "-q", *workers, *arguments], env=environment)


def main() -> int:
    arguments = sys.argv[1:]
    if CI and not any(map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"))):
        print("Chromium is missing; the browser tests need it")
        return 1
    failed = suite("SQLite", arguments)
    postgres, postgres_why = first_open([os.environ["DATABASE_URL"]] if os.environ.get("DATABASE_URL") else POSTGRES, postgres_fault)
    redis, redis_why = first_open([os.environ["REDIS_URL"]] if os.environ.get("REDIS_URL") else REDIS, redis_fault)
    if postgres and redis:
        failed |= suite("PostgreSQL and Redis", ["-m", "not once", *arguments], DATABASE_URL=postgres, REDIS_URL=redis)
    else:
        why = f"PostgreSQL {postgres_why}" if not postgres else f"Redis {redis_why}"
        print(f"\n=== PostgreSQL and Redis: {'missing' if CI else 'skipped'} ({why})")
        failed |= CI
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
