from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from remediation import rule_editing
from remediation.runbook_files import UnreadableFile


class Command(BaseCommand):
    help = "Imports automation rules from YAML files. One of an id that is there already is changed; none is taken away."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--check", action="store_true", help="only say what would be done")

    def handle(self, *_args: Any, files: list[Path], check: bool = False, **_given: Any) -> None:
        unread, used, refused = [], 0, 0
        for path in files:
            try:
                report = rule_editing.import_text(path.read_text(encoding="utf-8-sig"), "the command import_automation", check)
            except (UnreadableFile, OSError, UnicodeDecodeError) as fault:
                self.stderr.write(f"{path}: {fault}")
                unread.append(path)
                continue
            used += len(report.added) + len(report.changed) + len(report.same)
            refused += len(report.refused)
            for line in report.lines():
                self.stdout.write(f"{path.name}: {line}")
        self.stdout.write(f"{used} rules {'could be used' if check else 'used'}, {refused} not, from {len(files) - len(unread)} files")
        if unread:
            raise CommandError(f"{len(unread)} of {len(files)} files could not be read: {', '.join(map(str, unread))}")
