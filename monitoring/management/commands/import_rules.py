from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from monitoring.alerts import rule_import
from monitoring.alerts.rule_files import UnreadableFile


class Command(BaseCommand):
    help = "Imports alerting and recording rules from Prometheus' rule files. Importing a file again replaces what it brought."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")

    def handle(self, *_args: Any, files: list[Path], **_given: Any) -> None:
        unread, used, refused = [], 0, 0
        for path in files:
            try:
                report = rule_import.import_text(path.read_text(encoding="utf-8-sig"), path.name, "the command import_rules")
            except (UnreadableFile, OSError, UnicodeDecodeError) as fault:
                self.stderr.write(f"{path}: {fault}")
                unread.append(path)
                continue
            used, refused = used + report.used, refused + len(report.refused)
            for line in report.lines():
                self.stdout.write(line)
        self.stdout.write(f"{used} rules used, {refused} reasons why others were not, from {len(files) - len(unread)} files")
        if unread:
            raise CommandError(f"{len(unread)} of {len(files)} files could not be read: {', '.join(map(str, unread))}")
