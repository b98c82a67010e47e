"""Old files of allowed directories: found, shown, deleted, and nothing else."""

import os
import time

import pytest

from remediation.providers import command_clean
from remediation.providers.base import SUCCEEDED, ActionError
from remediation.providers.tests.local import ask, command, done

pytestmark = pytest.mark.once
OLD = 7200  # seconds ago


@pytest.fixture
def scratch(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def put(path, age=OLD, size=10):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def clean(scratch, **params):
    return ask("clean_directory", **{"directory": str(scratch), "older_than": 3600, **params})


def test_old_files_go_and_new_ones_stay(scratch):
    old, below, new = put(scratch / "a.log"), put(scratch / "deep/er/b.log"), put(scratch / "c.log", age=60)
    answer, lines = done(command(directories=str(scratch)), clean(scratch))
    assert (answer.state, answer.facts["files"]) == (SUCCEEDED, 2)
    assert (old.exists(), below.exists(), new.exists()) == (False, False, True)
    assert any(line.startswith("deleted deep/er/b.log") for line in lines)


def test_only_names_that_match_go(scratch):
    log, other = put(scratch / "a.log"), put(scratch / "a.db")
    done(command(directories=str(scratch)), clean(scratch, pattern="*.log"))
    assert (log.exists(), other.exists()) == (False, True)


def test_a_rehearsal_names_the_files_and_bytes_and_deletes_nothing(scratch):
    old = put(scratch / "a.log", size=4096)
    preview = command(directories=str(scratch)).dry_run(clean(scratch))
    assert preview.sentence == f"Would delete 1 files, 4,096 bytes, from {scratch}."
    assert preview.diff == "-a.log (4,096 bytes)"
    assert old.exists()


def test_a_rehearsal_where_nothing_is_old_says_that_nothing_changes(scratch):
    put(scratch / "new", age=1)
    assert not command(directories=str(scratch)).dry_run(clean(scratch)).changes


def test_it_stops_as_soon_as_enough_is_free(scratch, monkeypatch):
    oldest, older = put(scratch / "z", age=OLD + 10), put(scratch / "a")
    free = iter([1.0, 50.0, 50.0, 50.0])
    monkeypatch.setattr(command_clean, "free_percent", lambda path: next(free))
    job = {"directory": str(scratch), "older_than": 3600, "pattern": "*", "least_free": 40}
    assert command_clean.main(job, {})["files"] == 1
    assert (oldest.exists(), older.exists()) == (False, True)


def test_a_rehearsal_says_when_enough_is_free_already(scratch):
    put(scratch / "a")
    assert not command(directories=str(scratch)).dry_run(clean(scratch, least_free=0)).changes


@pytest.mark.parametrize("elsewhere", ["/etc", "/", "relative", "{scratch}/..", "{scratch}-other", ""])
def test_another_directory_is_refused(scratch, elsewhere):
    with pytest.raises(ActionError, match=r"may be cleaned|absolute") as caught:
        command(directories=str(scratch)).run(clean(scratch, directory=elsewhere.format(scratch=scratch)))
    assert caught.value.permanent


def test_a_link_out_of_the_directory_leads_nowhere(scratch, tmp_path):
    precious = put(tmp_path / "precious/file")
    (scratch / "link").symlink_to(tmp_path / "precious")
    (scratch / "file").symlink_to(precious)
    provider = command(directories=str(scratch))
    assert done(provider, clean(scratch))[0].facts["files"] == 0
    with pytest.raises(ActionError, match="may be cleaned"):
        provider.run(clean(scratch, directory=f"{scratch}/link"))
    assert precious.exists()


def test_a_folder_replaced_by_a_link_after_it_was_looked_at_saves_what_the_link_names(scratch, tmp_path):
    precious = put(tmp_path / "precious/a")
    found = command_clean.Old("deep/a", 10, time.time())
    (scratch / "deep").symlink_to(tmp_path / "precious")
    assert not command_clean._delete(str(scratch), found)
    assert precious.exists()


def test_a_file_that_was_written_to_meanwhile_stays(scratch):
    file = put(scratch / "a", age=0)
    assert not command_clean._delete(str(scratch), command_clean.Old("a", 10, time.time() - OLD))
    assert file.exists()


def test_a_file_that_vanished_meanwhile_is_no_fault(scratch, monkeypatch):
    monkeypatch.setattr(command_clean, "find", lambda *args: [command_clean.Old("gone", 10, 0.0)])
    job = {"directory": str(scratch), "older_than": 3600, "pattern": "*"}
    assert command_clean.main(job, {})["files"] == 0


def test_a_directory_that_vanished_is_said(scratch):
    with pytest.raises(ActionError, match="cannot be read: No such file"):
        command(directories=str(scratch)).dry_run(clean(scratch, directory=f"{scratch}/gone"))


def test_a_name_that_would_draw_on_the_screen_is_shown_quoted(scratch):
    put(scratch / "a\nb")
    _, lines = done(command(directories=str(scratch)), clean(scratch))
    assert lines[0].startswith("deleted 'a\\nb'")


@pytest.mark.parametrize(
    ("params", "fault"),
    [
        ({"older_than": "soon"}, "has to be a number"),
        ({"older_than": -1}, "out of range"),
        ({"older_than": "nan"}, "out of range"),
        ({"pattern": "../*"}, "holds no /"),
        ({"least_free": "much"}, "has to be a number"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(scratch, params, fault):
    with pytest.raises(ActionError, match=fault):
        command(directories=str(scratch)).dry_run(clean(scratch, **params))
