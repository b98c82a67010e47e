"""What a start does before it serves, and that it does it only where it is needed."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from aiops import prepare, server


@pytest.fixture
def files(tmp_path, settings):
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.css").write_text("a {}")
    settings.STATICFILES_DIRS = [source]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATIC_ROOT = tmp_path / "collected"
    prepare_finders_anew()
    yield source
    prepare_finders_anew()


def prepare_finders_anew():
    from django.contrib.staticfiles import finders

    finders.get_finder.cache_clear()


@pytest.fixture
def commands(monkeypatch):
    called = []
    call = prepare.call_command
    monkeypatch.setattr(prepare, "call_command", lambda name, **options: called.append(name) or call(name, **options))
    return called


def test_static_files_are_collected_once(files, commands, settings):
    prepare.collect_static()
    prepare.collect_static()
    assert commands == ["collectstatic"]
    assert (settings.STATIC_ROOT / "a.css").read_text() == "a {}"


@pytest.mark.parametrize("change", ["edit", "add", "remove"])
def test_a_change_is_collected(files, commands, settings, change):
    (files / "b.css").write_text("b {}")
    prepare.collect_static()
    if change == "edit":
        (files / "a.css").write_text("a { color: red }")
    elif change == "add":
        (files / "c.css").write_text("c {}")
    else:
        (files / "b.css").unlink()
    prepare.collect_static()
    assert commands == ["collectstatic", "collectstatic"]


def test_a_collection_that_was_interrupted_is_done_again(files, commands, settings):
    prepare.collect_static()
    (settings.STATIC_ROOT / "collected").unlink()
    prepare.collect_static()
    assert len(commands) == 2


@pytest.mark.django_db
def test_a_database_that_is_up_to_date_is_left_alone(commands):
    assert not prepare.unapplied()
    prepare.migrate()
    assert commands == []


class Somebody:
    email = "admin@localhost"


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (None, ""),
        ((Somebody(), None), "Sign in as admin@localhost with the password given in AIOPS_ADMIN_PASSWORD."),
        ((Somebody(), "s3cret"), "Sign in as admin@localhost with the password s3cret – it is shown only now."),
    ],
)
def test_the_first_sign_in_is_told(made, says):
    assert prepare.announcement(made) == says


def test_a_database_that_cannot_be_used_is_one_sentence(monkeypatch):
    def unapplied():
        raise DatabaseError("file is\nnot a database")

    monkeypatch.setattr(prepare, "unapplied", unapplied)
    with pytest.raises(ImproperlyConfigured, match=r"^The database .* cannot be used: file is not a database\.$"):
        prepare.migrate()


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_number_that_is_no_port_is_one_sentence(port):
    with pytest.raises(server.PortTaken, match="a port is a number from 0 to 65535"):
        server.listen("127.0.0.1", port)
