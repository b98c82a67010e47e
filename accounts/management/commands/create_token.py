from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import tokens
from accounts.models import TokenKind, User


class Command(BaseCommand):
    help = "Make an API token; only the token is written to stdout."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", required=True, help="name or e-mail of its owner; the first admin is admin")
        parser.add_argument("--name", required=True, help="what it is for")
        parser.add_argument("--scope", action="append", default=[], help="a permission; repeat for more")
        parser.add_argument("--days", type=int, default=90, help="valid for so many days; 0 until revoked (default 90)")
        parser.add_argument("--ingest", action="store_true", help="may send samples in and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["days"] < 0:
            raise CommandError("--days is a number of days, or 0 for a token without an end.")
        kind = TokenKind.INGEST if options["ingest"] else TokenKind.PERSONAL
        try:
            owner = User.objects.named(options["user"])
            raw = tokens.issue(owner, options["name"], options["scope"], kind=kind, days=options["days"] or None)[1]
        except User.DoesNotExist:
            raise CommandError(f"Nobody is named {options['user']}.") from None
        except tokens.TokenError as fault:
            raise CommandError(str(fault)) from None
        self.stdout.write(raw)
