"""Misconfiguration as Django system checks, each with a hint that says what to do."""

import difflib
import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from aiops import env

_LISTED = re.compile(r"^(AIOPS_[A-Z_]+)=", re.M)


def known_variables() -> set[str]:
    """Those read so far and those that .env.example lists, which a test keeps complete."""
    example = settings.BASE_DIR / ".env.example"
    listed = set(_LISTED.findall(example.read_text(encoding="utf-8"))) if example.is_file() else set()
    return listed | env.asked_for


@register(Tags.security)
def check_mode(**kwargs: Any) -> Iterator[CheckMessage]:
    given = {"DATABASE_URL": settings.DATABASE_URL, "REDIS_URL": settings.REDIS_URL}
    missing = [name for name, value in given.items() if not value]
    if len(missing) == 1:
        yield Warning(
            f"{missing[0]} is not set although the other one is: this is neither embedded nor production mode.",
            hint=f"Set {missing[0]} too, or neither of DATABASE_URL and REDIS_URL.",
            id="aiops.W001",
        )


@register(Tags.security)
def check_secret_key(**kwargs: Any) -> Iterator[CheckMessage]:
    if settings.PRODUCTION and not env.text("AIOPS_SECRET_KEY"):
        yield Warning(
            "AIOPS_SECRET_KEY is not set: each host makes its own key and cannot read the others' sessions and secrets.",
            hint="Give web, worker and beat the same key of at least 50 random characters.",
            id="aiops.W002",
        )


@register(Tags.security)
def check_hosts(**kwargs: Any) -> Iterator[CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS:
        yield Warning(
            "AIOPS_ALLOWED_HOSTS allows every host name, so links in mails and the websocket's origin check can be forged.",
            hint="List the names people use, for example aiops.example.org.",
            id="aiops.W003",
        )


@register(Tags.security)
def check_public_url(**kwargs: Any) -> Iterator[CheckMessage]:
    parts = urlsplit(settings.PUBLIC_URL)
    if settings.PUBLIC_URL and (parts.scheme not in ("http", "https") or not parts.hostname):
        yield Error(
            f"AIOPS_URL is {settings.PUBLIC_URL!r}, which is not a web address.",
            hint="Write it with its scheme, for example https://aiops.example.org.",
            id="aiops.E001",
        )
    elif settings.PRODUCTION and parts.scheme != "https":
        yield Warning(
            "AIOPS_URL is not an https:// address: cookies are sent unprotected and forms behind a proxy are refused.",
            hint="Put a TLS proxy in front and set AIOPS_URL to the address people use.",
            id="aiops.W004",
        )


@register(Tags.files)
def check_data_directory(**kwargs: Any) -> Iterator[CheckMessage]:
    directory = settings.DATA_DIR  # it is made where it is missing, so the nearest one that exists decides
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        yield Error(
            f"The data directory {directory} cannot be written to.",
            hint="Make it writable for this user, or set AIOPS_DATA_DIR to another directory.",
            id="aiops.E002",
        )


@register()
def check_mail(**kwargs: Any) -> Iterator[CheckMessage]:
    half = bool(settings.EMAIL_HOST_USER) != bool(settings.EMAIL_HOST_PASSWORD)
    if half or (settings.EMAIL_HOST_USER and not settings.EMAIL_HOST):
        yield Warning(
            "Mail is half configured: a host, a user and a password belong together.",
            hint="Set AIOPS_SMTP_HOST, and both or neither of AIOPS_SMTP_USER and AIOPS_SMTP_PASSWORD.",
            id="aiops.W005",
        )


@register()
def check_remote_store(**kwargs: Any) -> Iterator[CheckMessage]:
    if bool(settings.METRICS_WRITE_URL) != bool(settings.METRICS_READ_URL):
        yield Error(
            "The remote metric store is half configured: samples would be written to one place and read from another.",
            hint="Set both AIOPS_METRICS_WRITE_URL and AIOPS_METRICS_READ_URL, or neither.",
            id="aiops.E003",
        )
    odd = [pair for pair in env.words("AIOPS_METRICS_HEADERS") if "=" not in pair]
    if odd:
        yield Error(
            f"AIOPS_METRICS_HEADERS holds {len(odd)} part(s) without an equals sign.",
            hint="Write name=value, comma-separated.",
            id="aiops.E004",
        )


@register()
def check_unknown_variables(**kwargs: Any) -> Iterator[CheckMessage]:
    known = known_variables()
    for name in sorted(name for name in os.environ if name.startswith("AIOPS_") and name not in known):
        near = difflib.get_close_matches(name, known, 1, 0.7)
        yield Warning(
            f"{name} is set, but nothing reads it.",
            hint=f"Did you mean {near[0]}?" if near else "Remove it; .env.example lists what is read.",
            id="aiops.W006",
        )
