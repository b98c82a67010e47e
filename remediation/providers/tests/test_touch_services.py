"""Services, log rotations and processes: only those that are listed, and the very process that was meant."""

import subprocess
import sys
from contextlib import contextmanager

import psutil
import pytest

from remediation.providers.base import SUCCEEDED, ActionError
from remediation.providers.tests.local import ask, command, done

pytestmark = pytest.mark.once
LOOP = "import signal, time; {before} print('up', flush=True); time.sleep(60)"


@pytest.fixture(autouse=True)
def _own_directory(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"


@contextmanager
def victim(before=""):
    """(its process, its name)."""
    child = subprocess.Popen([sys.executable, "-S", "-c", LOOP.format(before=before)], stdout=subprocess.PIPE)
    try:
        child.stdout.readline()
        yield psutil.Process(child.pid)
    finally:
        child.kill()
        child.communicate()


def kill(process, **params):
    return ask("kill_process", **{"pid": process.pid, "started": process.create_time(), "grace": 5, **params})


def test_a_service_is_restarted_by_its_name_without_a_shell():
    job = command(services="nginx").job(ask("restart_service", service="nginx"))
    assert "nginx" in job["argv"]
    assert "restart" in job["argv"]


def test_sudo_never_asks_for_a_password():
    assert command(services="nginx", sudo=True).job(ask("restart_service", service="nginx"))["argv"][:2] == ["/usr/bin/sudo", "-n"]


@pytest.mark.parametrize("service", ["sshd", "nginx; id", "--all", ""])
def test_a_service_that_is_not_listed_is_refused(service):
    with pytest.raises(ActionError, match="not among the services"):
        command(services="nginx").run(ask("restart_service", service=service))


def test_logs_are_rotated_by_a_listed_configuration():
    argv = command(log_configs="/etc/logrotate.d/app").job(ask("rotate_logs", config="/etc/logrotate.d/app"))["argv"]
    assert argv == ["/usr/sbin/logrotate", "--force", "--verbose", "/etc/logrotate.d/app"]


def test_another_configuration_is_refused():
    with pytest.raises(ActionError, match="not among the log rotations"):
        command(log_configs="/etc/logrotate.d/app").dry_run(ask("rotate_logs", config="/tmp/mine"))


def test_the_process_that_was_meant_is_asked_to_end():
    with victim() as process:
        answer, lines = done(command(processes=process.name()), kill(process))
        assert (answer.state, answer.facts["ended"]) == (SUCCEEDED, 1)
        assert lines[0] == f"asking process {process.pid} ({process.name()}) to end"


def test_one_that_does_not_listen_is_killed_after_its_time():
    with victim("signal.signal(signal.SIGTERM, signal.SIG_IGN);") as process:
        answer, _ = done(command(processes=process.name()), kill(process, grace=0.1))
        assert (answer.state, answer.facts["killed"]) == (SUCCEEDED, 1)


def test_an_id_that_belongs_to_another_process_by_now_is_left_alone():
    with victim() as process:
        answer, _ = done(command(processes=process.name()), kill(process, started=process.create_time() - 3600))
        assert (answer.state, answer.facts["ended"]) == (SUCCEEDED, 0)
        assert process.is_running()


def test_an_id_without_a_start_is_refused():
    with pytest.raises(ActionError, match="say when it started"):
        command(processes="python3").run(ask("kill_process", pid=4242))


def test_a_process_of_another_name_is_refused():
    with victim() as process, pytest.raises(ActionError, match="not among the processes"):
        command(processes="nginx").run(kill(process))


def test_a_name_that_several_have_is_refused_unless_all_are_meant():
    with victim() as one, victim() as other:
        provider = command(processes=one.name())
        with pytest.raises(ActionError, match="give the id and start of one"):
            provider.dry_run(ask("kill_process", name=one.name()))
        shown = "\n".join(line.text for line in provider.dry_run(ask("kill_process", name=one.name(), all=True)).lines)
        assert str(one.pid) in shown
        assert str(other.pid) in shown


def test_the_word_false_of_a_template_is_no_yes():
    with victim() as one, victim(), pytest.raises(ActionError, match="say that all are meant"):
        command(processes=one.name()).dry_run(ask("kill_process", name=one.name(), all="False", grace=""))


def test_a_process_that_vanished_needs_nothing():
    with victim() as process:
        asked = kill(process)
    provider = command(processes="python3")
    assert not provider.dry_run(asked).changes
    assert done(provider, asked)[0].state == SUCCEEDED


def test_we_are_never_the_one():
    ours = psutil.Process()
    assert not command(processes=ours.name()).dry_run(kill(ours)).changes
