from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from monitoring.query.promqltest.run import Failure, run


class Command(BaseCommand):
    help = "Run files in Prometheus' promqltest format against the PromQL evaluator."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        passed = failed = 0
        for path in options["files"]:
            for failure in run(_text(path)):
                passed, failed = passed + (failure is None), failed + (failure is not None)
                if failure is not None:
                    self._report(path, failure)
        self.stdout.write(f"passed {passed} failed {failed}")
        if failed:
            raise SystemExit(1)

    def _report(self, path: Path, failure: Failure) -> None:
        self.stdout.write(f"{path}:{failure.line}: {failure.query}")
        self.stdout.write(f"    expected: {failure.expected}")
        self.stdout.write(f"    got: {failure.got}")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise CommandError(f"{path}: {fault}") from None
