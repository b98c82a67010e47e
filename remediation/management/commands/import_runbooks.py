from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from remediation import runbook_importing
from remediation.runbook_files import UnreadableFile


class Command(BaseCommand):
    help = "Imports runbooks from YAML files. One that is there already and differs gets a new version; none is taken away."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--check", action="store_true", help="only say what would be done")

    def handle(self, *_args: Any, files: list[Path], check: bool = False, **_given: Any) -> None:
        unread, used, refused = [], 0, 0
        for path in files:
            try:
                text = path.read_text(encoding="utf-8-sig")
                report = (
                    runbook_importing.plan(text, path.name)
                    if check
                    else runbook_importing.import_text(text, path.name, "the command import_runbooks")
                )
            except (UnreadableFile, OSError, UnicodeDecodeError) as fault:
                self.stderr.write(f"{path}: {fault}")
                unread.append(path)
                continue
            used, refused = used + report.used, refused + len(report.refused)
            for line in report.lines():
                self.stdout.write(line)
        said = "could be used" if check else "used"
        self.stdout.write(f"{used} runbooks {said}, {refused} not, from {len(files) - len(unread)} files")
        if unread:
            raise CommandError(f"{len(unread)} of {len(files)} files could not be read: {', '.join(map(str, unread))}")
