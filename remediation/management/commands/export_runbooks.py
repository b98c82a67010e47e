from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from remediation.models import Runbook
from remediation.runbook_files import dump


class Command(BaseCommand):
    help = "Writes runbooks as YAML that import_runbooks reads: all of them, or those of the ids that are given."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("ids", nargs="*", metavar="ID")
        parser.add_argument("--to", type=Path, metavar="FILE", help="instead of to the terminal")

    def handle(self, *_args: Any, ids: list[str], to: Path | None, **_given: Any) -> None:
        rows = Runbook.objects.filter(current__isnull=False).select_related("current").order_by("key")
        rows = rows.filter(key__in=ids) if ids else rows
        found = {runbook.key: runbook.current.spec for runbook in rows if runbook.current}
        if unknown := [one for one in ids if one not in found]:
            raise CommandError(f"there is no runbook {', '.join(unknown)}")
        text = dump(found.values())
        if to is None:
            self.stdout.write(text, ending="")
            return
        try:
            to.write_text(text, encoding="utf-8")
        except OSError as fault:
            raise CommandError(f"{to}: {fault}") from None
        self.stdout.write(f"{len(found)} runbooks written to {to}")
