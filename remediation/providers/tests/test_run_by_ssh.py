"""Commands on another machine, by SSH to a real server: the pinned key or nothing, quoted words, known again after we died."""

import os
import time

import paramiko
import pytest

from remediation.providers import command_jobs as jobs
from remediation.providers.base import FAILED, SUCCEEDED, ActionError
from remediation.providers.command import Command
from remediation.providers.tests.local import ask, done, until_it_ends
from remediation.providers.tests.ssh_server import host_key, private_key, public, sshd

pytestmark = pytest.mark.once


@pytest.fixture
def server(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    with sshd() as found:
        yield found


def remote(server, secrets=None, **config):
    given = {"where": "ssh", "host": "127.0.0.1", "port": server.port, "login": "ops", "host_key": public(host_key())}
    return Command({**given, **config}, {"private_key": private_key()} if secrets is None else secrets)


def test_a_program_runs_there_and_its_output_and_status_come_back(server):
    provider = remote(server, programs="it = /bin/sh -c {.*}")
    answer, lines = done(provider, ask("run", program="it", args=["echo well; exit 3"]))
    assert (answer.state, lines, answer.detail) == (FAILED, ["well"], "It ended with 3: well")


def test_what_a_shell_over_there_would_read_is_only_ever_an_argument(server):
    evil = ["; id", "$(id)", "`id`", "a && id", "* $HOME", "a'b\"c", "\\", "> /tmp/x"]
    answer, lines = done(remote(server, programs="it = /usr/bin/printf %s\\n {.*}*"), ask("run", program="it", args=evil))
    assert (answer.state, lines) == (SUCCEEDED, evil)


def test_it_keeps_its_time_there_too(server):
    asked = ask("run", program="it", timeout=42)
    done(remote(server, programs="it = /bin/true"), asked)
    assert server.commands == ["timeout -k 5 42 /bin/true"]


def test_another_host_key_than_the_pinned_one_gets_nothing(server):
    provider = remote(server, programs="it = /bin/true", host_key=public(paramiko.ECDSAKey.generate()))
    answer, _ = done(provider, ask("run", program="it"))
    assert answer.state == FAILED
    assert "another host key than the pinned one" in answer.detail
    assert server.commands == []
    with pytest.raises(ActionError, match="another host key") as caught:
        provider.check()
    assert caught.value.permanent


def test_a_host_that_has_no_key_of_the_pinned_type_gets_nothing(server):
    other = paramiko.RSAKey.generate(2048)
    with pytest.raises(ActionError, match="it is not trusted") as caught:
        remote(server, host_key=public(other)).check()
    assert caught.value.permanent
    assert server.commands == []


def test_a_key_of_ours_that_is_not_known_there_is_said(server):
    with pytest.raises(ActionError, match="does not let ops in") as caught:
        remote(server, {"password": "wrong"}).check()
    assert caught.value.permanent


def test_a_password_does_where_there_is_no_key(server):
    assert "127.0.0.1 as " in remote(server, {"password": "open sesame"}).check()


def test_a_key_that_is_none_is_said_without_repeating_it(server):
    with pytest.raises(ActionError, match="cannot be read") as caught:
        remote(server, {"private_key": "hush hush"}).check()
    assert "hush" not in str(caught.value)


def test_nobody_there_may_come_back(server):
    with pytest.raises(ActionError, match="cannot be reached") as caught:
        remote(server, port=1).check()
    assert not caught.value.permanent


def test_a_connection_that_ends_half_way_leaves_it_open_whether_it_was_done(server):
    server.cut = True
    provider, asked = remote(server, programs="it = /bin/echo half"), ask("run", program="it")
    with pytest.raises(ActionError, match="connection was lost") as caught:
        done(provider, asked)
    assert caught.value.unclear


def test_asked_twice_with_one_key_it_runs_there_once(server):
    provider, asked = remote(server, programs="it = /bin/true"), ask("run", program="it")
    done(provider, asked)
    assert until_it_ends(provider, asked, provider.resume(asked))[0].state == SUCCEEDED
    done(provider, asked)
    assert len(server.commands) == 1


def test_secrets_are_nowhere_on_the_disk(server):
    provider, asked = remote(server, {"password": "open sesame"}, programs="it = /bin/true"), ask("run", program="it")
    done(provider, asked)
    kept = b"".join(file.read_bytes() for file in jobs.directory(asked.key).iterdir())
    assert b"open sesame" not in kept


def old(path):
    path.write_text("x")
    os.utime(path, (time.time() - 7200, time.time() - 7200))
    return path


def test_old_files_go_there_and_new_ones_stay(server, tmp_path):
    folder = tmp_path / "scratch dir"
    folder.mkdir()
    gone, stays = old(folder / "a.log"), folder / "b.log"
    stays.write_text("x")
    asked = ask("clean_directory", directory=str(folder), older_than=3600, pattern="*.log")
    provider = remote(server, directories=str(folder))
    preview = provider.dry_run(asked)
    assert (preview.diff, gone.exists()) == (f"-{gone}", True)
    assert done(provider, asked)[1] == [str(gone)]
    assert (gone.exists(), stays.exists()) == (False, True)


def test_a_directory_that_may_not_be_cleaned_is_not_even_looked_at(server):
    with pytest.raises(ActionError, match="may be cleaned"):
        remote(server, directories="/srv/scratch").dry_run(ask("clean_directory", directory="/srv/scratch/../x", older_than=1))
    assert server.commands == []


@pytest.mark.parametrize(
    ("params", "fault"),
    [({"pid": 42, "started": 1.0, "all": True}, "by its name"), ({}, "say that all are meant"), ({"name": "sshd"}, "not among")],
)
def test_a_process_is_ended_there_only_by_a_listed_name_and_all_of_them(server, params, fault):
    with pytest.raises(ActionError, match=fault):
        remote(server, processes="worker").dry_run(ask("kill_process", **{"name": "worker", **params}))
    assert server.commands == []


def test_no_such_process_there_needs_nothing(server):
    provider, asked = remote(server, processes="no.such"), ask("kill_process", name="no.such", all=True)
    assert not provider.dry_run(asked).changes
    assert done(provider, asked)[0].state == SUCCEEDED
    assert server.commands[-1].endswith("pkill -TERM -x 'no\\.such'")


def test_a_rehearsal_says_the_words_and_runs_only_a_test_for_the_program(server):
    preview = remote(server, programs="it = /bin/echo {.*}").dry_run(ask("run", program="it", args=["a b"]))
    assert preview.sentence == "Would run on 127.0.0.1: /bin/echo 'a b'"
    assert server.commands == ["timeout -k 5 10 test -x /bin/echo"]


def test_a_program_that_vanished_there_is_said(server):
    with pytest.raises(ActionError, match="cannot be run on"):
        remote(server, programs="it = /no/such").dry_run(ask("run", program="it"))
