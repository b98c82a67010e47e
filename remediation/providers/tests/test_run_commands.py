"""Programs on this machine: once, without a shell, within their limits, and known again after we died."""

import os
import signal
import sys
import time

import pytest

from remediation.providers import command_jobs as jobs
from remediation.providers.base import FAILED, LONGEST_LINE, RUNNING, SUCCEEDED, ActionError
from remediation.providers.tests.local import ask, command, done, until_it_ends

pytestmark = pytest.mark.once
PYTHON = os.path.realpath(sys.executable)


@pytest.fixture(autouse=True)
def _own_directory(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"


def python(code, **config):
    """A provider that may run this code under the name `it`."""
    assert "'" not in code
    return command(programs=f"it = {PYTHON} -S -c '{code}'", **config)


def say(text, **config):
    return python(f"print({text})", **config)


def test_a_program_runs_and_its_output_and_exit_are_kept():
    answer, lines = done(say('"well", 1'), ask("run", program="it"))
    assert (answer.state, lines, answer.facts["exit"]) == (SUCCEEDED, ["well 1"], 0)


def test_another_exit_is_a_failure_with_what_it_said_last():
    answer, _ = done(python('import sys; print("no room left"); sys.exit(3)'), ask("run", program="it"))
    assert (answer.state, answer.detail) == (FAILED, "It ended with 3: no room left")


def test_a_program_that_does_not_end_is_stopped_at_its_time_limit():
    answer, _ = done(python("import time; time.sleep(60)"), ask("run", program="it", timeout=0.2))
    assert answer.state == FAILED
    assert "its time limit" in answer.detail


def test_the_limit_of_the_provider_holds_where_a_runbook_asks_for_more():
    assert command(programs="it = /bin/true", time_limit=5).job(ask("run", program="it", timeout=900))["timeout"] == 5


@pytest.mark.parametrize("evil", ["; id", "$(id)", "`id`", "a && id", "a | id", "> /tmp/x", "*", "$HOME", "a'b\"c", "\\"])
def test_what_a_shell_would_read_is_only_ever_an_argument(evil):
    provider = command(programs="it = /bin/echo {.*}")
    assert done(provider, ask("run", program="it", args=[evil]))[1] == [evil]


@pytest.mark.parametrize(
    ("args", "fault"),
    [
        (["x; id"], "does not match"),
        (["1\n2"], "control character"),
        (["1\0"], "control character"),
        ([], "needs an argument"),
        (["1", "2"], "takes no argument"),
        (["9" * 5000], "longer than"),
    ],
)
def test_an_argument_that_does_not_fit_is_refused_before_anything_runs(args, fault):
    asked = ask("run", program="it", args=args)
    with pytest.raises(ActionError, match=fault) as caught:
        command(programs="it = /bin/echo {[0-9]+}").run(asked)
    assert caught.value.permanent
    assert jobs.standing(asked.key) == jobs.NONE


def test_arguments_in_one_string_are_not_taken_apart():
    with pytest.raises(ActionError, match="has to be a list"):
        command(programs="it = /bin/echo {.*}*").dry_run(ask("run", program="it", args="a b"))


def test_an_argument_cannot_become_an_option():
    with pytest.raises(ActionError, match="reads as an option"):
        command(programs="it = /bin/echo {.*}").run(ask("run", program="it", args=["--help"]))


def test_a_program_that_is_not_listed_is_refused():
    with pytest.raises(ActionError, match="not among the programs"):
        command(programs="it = /bin/true").dry_run(ask("run", program="/bin/sh"))


def test_a_program_that_vanished_is_refused_with_its_path(tmp_path):
    with pytest.raises(ActionError, match="does not exist"):
        command(programs=f"it = {tmp_path}/gone").run(ask("run", program="it"))


def test_a_program_that_anybody_can_change_is_not_run(tmp_path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o777)
    with pytest.raises(ActionError, match="can be changed by anybody"):
        command(programs=f"it = {program}").check()


def test_a_file_that_is_no_program_says_so(tmp_path):
    program = tmp_path / "program"
    program.write_bytes(b"\x00\x01")
    program.chmod(0o755)
    answer, _ = done(command(programs=f"it = {program}"), ask("run", program="it"))
    assert (answer.state, answer.facts["exit"]) == (FAILED, 127)


def test_asked_twice_with_one_key_it_runs_once(tmp_path):
    log = tmp_path / "ran"
    provider, asked = python(f'open("{log}", "a").write("x")'), ask("run", program="it")
    done(provider, asked)
    answer, _ = done(provider, asked)
    assert (answer.state, log.read_text()) == (SUCCEEDED, "x")


def test_two_supervisors_of_one_key_run_it_once(tmp_path):
    log = tmp_path / "ran"
    provider, asked = python(f'open("{log}", "a").write("x")'), ask("run", program="it")
    first = provider.run(asked)
    jobs._supervise(jobs.directory(asked.key), {})
    until_it_ends(provider, asked, first)
    assert log.read_text() == "x"


def test_after_a_crash_of_ours_it_is_found_running_and_followed_to_its_end(tmp_path):
    go = tmp_path / "go"
    provider = command(programs=f"it = {PYTHON} -S {script(tmp_path, go)}")
    asked = ask("run", program="it")
    provider.run(asked)
    found = command(**provider.config).resume(asked)
    assert found.state == RUNNING
    go.touch()
    answer, lines = until_it_ends(provider, asked, found)
    assert (answer.state, lines) == (SUCCEEDED, ["begun"])


def script(folder, go):
    """Says that it has begun and waits for a file."""
    path = folder / "wait.py"
    path.write_text(f'import os, time\nprint("begun", flush=True)\nwhile not os.path.exists("{go}"):\n    time.sleep(0.01)\n')
    return path


def test_what_was_never_begun_is_known_as_that():
    assert command().resume(ask("run", program="it")) is None


def test_written_down_but_not_begun_is_never_begun_too():
    provider, asked = command(programs="it = /bin/true"), ask("run", program="it")
    place = jobs.directory(asked.key)
    place.mkdir(parents=True)
    (place / "job.json").write_text("{}")
    assert provider.resume(asked) is None


def test_where_the_supervisor_died_nobody_can_tell(tmp_path):
    provider = command(programs=f"it = {PYTHON} -S {script(tmp_path, tmp_path / 'never')}")
    asked = ask("run", program="it")
    provider.run(asked)
    _kill_supervisor(asked.key)
    with pytest.raises(ActionError, match="nobody can tell") as caught:
        provider.resume(asked)
    assert caught.value.unclear


def _kill_supervisor(key):
    import psutil

    found = [one for one in psutil.process_iter(["cmdline"]) if str(jobs.directory(key)) in (one.info["cmdline"] or [])]
    for one in found:
        one.send_signal(signal.SIGKILL)
    psutil.wait_procs(found, timeout=10)
    until = time.monotonic() + 10
    while jobs.standing(key) == jobs.RUNNING and time.monotonic() < until:
        time.sleep(0.01)


def test_somebody_can_stop_it(tmp_path):
    provider = command(programs=f"it = {PYTHON} -S {script(tmp_path, tmp_path / 'never')}")
    asked = ask("run", program="it")
    started = provider.run(asked)
    provider.cancel(asked, started.handle)
    answer, _ = until_it_ends(provider, asked, started)
    assert (answer.state, "somebody asked" in answer.detail) == (FAILED, True)


def test_output_beyond_the_limit_is_left_out_and_counted():
    answer, lines = done(say('"x" * 5000', output_limit=1), ask("run", program="it"))
    assert answer.state == SUCCEEDED
    assert sum(map(len, lines[:-1])) <= 1024
    assert lines[-1] == "3,977 more bytes of output were left out"


def test_a_line_that_is_too_long_is_shortened():
    _, lines = done(say('"x" * 9000'), ask("run", program="it"))
    assert len(lines) == 1
    assert len(lines[0]) <= LONGEST_LINE + 20
    assert "characters left out" in lines[0]


def test_output_that_is_no_text_becomes_text_a_database_takes():
    _, lines = done(python("import os; os.write(1, bytes([27, 91, 51, 49, 109, 0, 255, 97, 10]))"), ask("run", program="it"))
    assert lines == ["�a"]


def test_what_a_grandchild_holds_open_does_not_hold_us():
    code = 'import subprocess; subprocess.Popen(["/bin/sleep", "20"]); print("left it")'
    answer, lines = done(python(code), ask("run", program="it"))
    assert (answer.state, lines) == (SUCCEEDED, ["left it"])


def test_of_our_environment_only_what_is_listed_is_passed_on(monkeypatch):
    monkeypatch.setenv("AIOPS_SECRET_KEY", "hush")
    monkeypatch.setenv("PASSED", "on")
    provider = command(programs="it = /usr/bin/env", environment="PASSED\nSET=here")
    _, lines = done(provider, ask("run", program="it"))
    assert {line.partition("=")[0] for line in lines} <= {"PATH", "LANG", "PASSED", "SET"}
    assert {"PASSED=on", "SET=here"} <= set(lines)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_it_runs_as_its_own_user_and_none_of_our_groups():
    _, lines = done(command(programs="it = /usr/bin/id", user="nobody"), ask("run", program="it"))
    assert "(nobody)" in lines[0]
    assert "root" not in lines[0]


def test_a_user_who_does_not_exist_is_refused():
    with pytest.raises(ActionError, match="there is no user"):
        command(programs="it = /bin/true", user="nobody-here").run(ask("run", program="it"))


def test_a_dry_run_says_the_very_words_and_runs_nothing():
    asked = ask("run", program="it", args=["a b"])
    preview = command(programs="it = /bin/echo -n {.*}").dry_run(asked)
    assert preview.sentence == "Would run: /bin/echo -n 'a b'"
    assert jobs.standing(asked.key) == jobs.NONE


def test_a_key_cannot_name_another_directory():
    with pytest.raises(ActionError, match="not one of ours"):
        command(programs="it = /bin/true").run(ask("run", key="../../etc", program="it"))


def test_old_actions_are_forgotten_and_those_under_way_are_not(tmp_path):
    provider = command(programs=f"it = {PYTHON} -S {script(tmp_path, tmp_path / 'go')}\nold = /bin/true")
    old, running = ask("run", program="old"), ask("run", program="it")
    done(provider, old)
    started = provider.run(running)
    assert jobs.forget(time.time() + 60) == 1
    (tmp_path / "go").touch()
    assert until_it_ends(provider, running, started)[0].state == SUCCEEDED


def test_the_check_says_what_may_be_done(tmp_path):
    said = command(programs="it = /bin/true", directories=str(tmp_path), services="nginx").check()
    assert "1 programs, 1 directories, 1 services" in said


def test_secrets_of_ours_are_hidden_whoever_repeats_them():
    from remediation.providers.command import Command

    assert Command({}, {"password": "open sesame"}).masked("said open sesame") == "said [hidden]"
