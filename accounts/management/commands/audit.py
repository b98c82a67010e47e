from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from accounts import audit, audit_guard
from accounts.models import AuditEntry


class Command(BaseCommand):
    help = "verify: walk the whole chain of audit entries; names the first broken link and exits 1."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["verify"])
        parser.add_argument("--contains", metavar="HASH", help="a hash noted earlier that must still be in the chain (finds a cut-off end)")

    def handle(self, *args: Any, **options: Any) -> None:
        verdict = audit.verify()
        if verdict.broken is not None:
            entry = verdict.broken
            raise CommandError(f"broken at entry {entry.pk} ({entry.time:%Y-%m-%d %H:%M:%S} UTC, {entry.action}): {verdict.reason}")
        noted = options["contains"]
        if noted and not AuditEntry.objects.filter(hash=noted).exists():
            raise CommandError(f"no entry has the hash {noted}: entries were cut off, or the hash is of another installation")
        if missing := audit_guard.missing(connection):
            raise CommandError(f"the chain is unbroken, but the database no longer protects it: {', '.join(missing)} is missing")
        self.stdout.write(f"unbroken: {verdict.entries} entries, newest {verdict.head or 'none'}")
