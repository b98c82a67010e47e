"""Makes an installation ready to serve: migrations, static files where they changed, the first admin."""

import hashlib
import logging
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.module_loading import import_string

log = logging.getLogger(__name__)


def unapplied() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def migrate() -> None:
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    try:
        if unapplied():
            call_command("migrate", interactive=False, verbosity=0)
    except DatabaseError as fault:
        raise ImproperlyConfigured(f"The database {_where()} cannot be used: {' '.join(str(fault).split())}.") from fault


def _where() -> str:
    """Without the password."""
    given = connection.settings_dict
    return f"{given['NAME']} on {given['HOST'] or 'this host'}" if connection.vendor == "postgresql" else str(given["NAME"])


def _static_files() -> Iterator[str]:
    for finder in get_finders():
        for path, storage in finder.list([]):
            changed = storage.get_modified_time(path).timestamp()
            yield f"{path} {changed} {storage.size(path)}"


def collect_static() -> None:
    """Only when a file was added, changed or removed since the last time: it takes seconds."""
    found = hashlib.sha256("\n".join(sorted(_static_files())).encode()).hexdigest()
    stamp = settings.STATIC_ROOT / "collected"
    if stamp.is_file() and stamp.read_text() == found:
        return
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(found)


def first_admin() -> tuple[Any, str | None] | None:
    """(user, generated password or None when one was given) if this start made the first admin."""
    return import_string(settings.FIRST_ADMIN)()


def everything() -> tuple[Any, str | None] | None:
    migrate()
    collect_static()
    return first_admin()


def announcement(made: tuple[Any, str | None] | None) -> str:
    if made is None:
        return ""
    user, password = made
    if password is None:
        return f"Sign in as {user.email} with the password given in AIOPS_ADMIN_PASSWORD."
    return f"Sign in as {user.email} with the password {password} – it is shown only now."
