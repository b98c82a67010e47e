"""The signing key of an installation that was not given one: made once, kept beside its data, readable by its owner only."""

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def read_or_create(path: Path) -> str:
    """Raises ImproperlyConfigured where the directory cannot be used."""
    try:
        return _read_or_create(path)
    except OSError as fault:
        raise ImproperlyConfigured(
            f"The data directory {path.parent} cannot be used ({fault.strerror}); set AIOPS_DATA_DIR to one that can be written to."
        ) from fault


def _read_or_create(path: Path) -> str:
    """Processes that start together agree on one key: it is written aside and linked in whole, the first link wins."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent)  # mkstemp makes it 0600
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(64))
        with suppress(FileExistsError):
            os.link(draft, path)
        os.unlink(draft)
    key = path.read_text(encoding="ascii").strip()
    if not key:
        raise ImproperlyConfigured(f"{path} is empty; put the key back, or remove the file to have a new one made.")
    return key
