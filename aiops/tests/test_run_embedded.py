"""`manage.py up` as people start it: whole processes, on SQLite and, where it is given, on PostgreSQL and Redis."""

import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import psutil
import psycopg
import pytest
from django.conf import settings

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a-password-for-tests"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Installation:
    """A data directory, and the process that serves it."""

    def __init__(self, directory, **environment):
        self.port = free_port()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AIOPS_", "DATABASE_", "REDIS_"))}
        own = {"AIOPS_DATA_DIR": str(directory), "PORT": str(self.port), "AIOPS_LOCAL_HOST_SOURCE": "false"}
        unset = dict.fromkeys(["DATABASE_URL", "REDIS_URL", "AIOPS_URL", "AIOPS_ADMIN_PASSWORD"], "")  # a developer's .env is not read
        self.environment = {**inherited, **unset, **own, **environment}
        self.process = None
        self.password = environment.get("AIOPS_ADMIN_PASSWORD")

    def spawn(self, **extra):
        command = [sys.executable, "manage.py", "up"]
        return subprocess.Popen(
            command, cwd=ROOT, env={**self.environment, **extra}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def loading(self):
        """CPU seconds to load the code and do nothing."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "manage.py", "check"], cwd=ROOT, env=self.environment, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def start(self):
        """CPU seconds from the command to the first page."""
        self.kill()
        began = time.monotonic()
        self.process = self.spawn()
        while time.monotonic() - began < 120:
            assert self.process.poll() is None, self.process.communicate()
            try:
                assert httpx.get(f"{self.url}/accounts/login/").status_code == 200
                return sum(psutil.Process(self.process.pid).cpu_times()[:2])
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError("no page within 120 s")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def stop(self, number=signal.SIGTERM):
        """(exit code, seconds it took, what was printed)"""
        began = time.monotonic()
        self.process.send_signal(number)
        printed, _ = self.process.communicate(timeout=20)
        return self.process.returncode, time.monotonic() - began, printed

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.communicate()

    def sign_in(self):
        browser = httpx.Client(base_url=self.url)
        browser.get("/accounts/login/")
        form = {"login": "admin@localhost", "password": self.password, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        return browser, browser.post("/accounts/login/", data=form)


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """Started for the first time; the tests of this module share its directory, not its process."""
    installation = Installation(tmp_path_factory.mktemp("up") / "data")
    installation.start()
    installation.first = installation.stop()
    installation.password = re.search(r"with the password (\S{12,}) – it is shown only now\.", installation.first[2])[1]
    yield installation
    installation.kill()


@pytest.fixture
def running(installation):
    installation.start()
    yield installation
    installation.kill()


@pytest.mark.once
def test_the_first_start_tells_address_and_sign_in_once(installation):
    code, seconds, printed = installation.first
    assert (code, seconds < 5) == (0, True)
    assert f"AIOps is at http://localhost:{installation.port}/" in printed
    assert f"Sign in as admin@localhost with the password {installation.password}" in printed
    installation.start()
    _, _, printed = installation.stop()
    assert "Sign in" not in printed


@pytest.mark.once
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_starts_again_quickly_and_ends_cleanly(installation, number):
    """Little more than loading the code costs, measured on the same machine."""
    assert installation.start() < 1.7 * installation.loading()
    with httpx.stream("GET", f"{installation.url}/accounts/login/"):
        code, seconds, _ = installation.stop(number)
    assert (code, seconds < 5) == (0, True)


@pytest.mark.once
def test_a_second_process_on_the_directory_is_refused(running):
    second = running.spawn(PORT=str(free_port()))
    _, complaint = second.communicate(timeout=20)
    assert second.returncode == 1
    assert f"Another AIOps (process {running.process.pid}) already runs on" in complaint
    assert len(complaint.strip().splitlines()) == 1
    assert httpx.get(f"{running.url}/readyz").json()["status"] == "ok"


@pytest.mark.once
def test_a_port_that_is_taken_costs_one_sentence(running, tmp_path):
    second = running.spawn(AIOPS_DATA_DIR=str(tmp_path))
    _, complaint = second.communicate(timeout=20)
    assert second.returncode == 1
    assert complaint.strip() == f"Port {running.port} on 127.0.0.1 cannot be used (Address already in use); set PORT to another one."


@pytest.mark.once
def test_a_killed_process_leaves_nothing_in_the_way(running):
    running.process.kill()
    running.process.communicate()
    running.start()
    assert httpx.get(f"{running.url}/readyz").json()["checks"]["database"] == "ok"


def file_size_limit(installation, limit):
    """A full disk for one process: its files cannot grow."""
    hard = resource.prlimit(installation.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(installation.process.pid, resource.RLIMIT_FSIZE, (limit, hard))


def connections_allowed(url, allowed):
    """A database that is gone: nobody gets in, and who is in is thrown out."""
    name = urlsplit(url).path[1:]
    with psycopg.connect(admin_url(url), autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS {allowed}')
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])


def admin_url(url):
    return urlunsplit(urlsplit(url)._replace(path="/postgres"))


@pytest.fixture
def on_postgres(tmp_path):
    url = urlunsplit(urlsplit(settings.DATABASE_URL)._replace(path=f"/aiops_up_{os.getpid()}"))
    name = urlsplit(url).path[1:]
    with psycopg.connect(admin_url(url), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    installation = Installation(
        tmp_path, DATABASE_URL=url, REDIS_URL=settings.REDIS_URL, AIOPS_SECRET_KEY="k" * 60, AIOPS_ADMIN_PASSWORD=PASSWORD
    )
    installation.start()
    yield installation
    installation.kill()
    with psycopg.connect(admin_url(url), autocommit=True) as admin:
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def goes_through_an_outage(installation, begin, end):
    browser, answer = installation.sign_in()
    assert answer.status_code == 302
    begin()
    outage = installation.sign_in()[1] if browser.get("/healthz").status_code == 200 else None
    assert outage.status_code == 503
    assert int(outage.headers["Retry-After"]) > 0
    assert "not available" in outage.text
    end()
    until(lambda: installation.sign_in()[1].status_code == 302)
    until(lambda: browser.get("/readyz").status_code == 200)
    assert browser.get("/api/health").status_code == 200
    assert installation.stop()[0] == 0


def until(condition, seconds=15):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.once
def test_a_full_disk_is_503_and_passes_without_a_restart(running):
    goes_through_an_outage(running, lambda: file_size_limit(running, 4096), lambda: file_size_limit(running, resource.RLIM_INFINITY))


@pytest.mark.skipif(not (settings.DATABASE_URL and settings.REDIS_URL), reason="DATABASE_URL and REDIS_URL are not set")
def test_a_database_that_goes_is_503_and_comes_back_without_a_restart(on_postgres):
    url = on_postgres.environment["DATABASE_URL"]
    goes_through_an_outage(on_postgres, lambda: connections_allowed(url, "false"), lambda: connections_allowed(url, "true"))
