"""Secrets at rest: a JSON field encrypted with a key derived from SECRET_KEY (rotated through SECRET_KEY_FALLBACKS)."""

import base64
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


def _fernet(secret: str) -> Fernet:
    key = HKDF(SHA256(), 32, salt=None, info=b"aiops.crypto").derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(key))


def _keys() -> MultiFernet:
    return MultiFernet([_fernet(secret) for secret in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]])


def encrypt(plain: str) -> str:
    return _keys().encrypt(plain.encode()).decode()


def decrypt(sealed: str) -> str:
    """Raises ImproperlyConfigured when no key of this installation opens it."""
    try:
        return _keys().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise ImproperlyConfigured(
            "a stored secret was sealed with another AIOPS_SECRET_KEY; put the old key into AIOPS_SECRET_KEY_FALLBACKS"
        ) from None


class Unreadable(dict[str, Any]):
    """Stands for a value whose key this installation no longer has. It looks empty; saving it keeps the ciphertext."""

    def __init__(self, sealed: str) -> None:
        super().__init__()
        self.sealed = sealed


class EncryptedJSONField(models.TextField):
    """Holds any JSON value; the database sees only ciphertext, so it cannot be searched. A value that cannot be opened comes back
    as Unreadable: a lost key must not take down every page and poll that merely reads the row."""

    def from_db_value(self, value: str | None, expression: object, connection: object) -> Any:
        if value is None:
            return None
        try:
            return json.loads(decrypt(value))
        except ImproperlyConfigured:
            return Unreadable(value)

    def to_python(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) and value else value

    def get_prep_value(self, value: Any) -> str | None:
        if isinstance(value, Unreadable) and not value:
            return value.sealed
        return None if value is None else encrypt(json.dumps(value))
