import os
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error
from django.urls import reverse

from aiops import prepare
from monitoring.demo import grid, install
from monitoring.store import StoreUnavailable


class Command(BaseCommand):
    help = "Adds demonstration data, marked as such, and keeps it live; again: repairs and extends it. --remove takes all of it away."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--remove", action="store_true", help="take the demonstration away; real data stays as it is")

    def handle(self, *args: Any, **options: Any) -> None:
        prepare.migrate()
        self.started, self.shown = time.monotonic(), -1
        try:
            self._remove() if options["remove"] else self._make()
        except KeyboardInterrupt:
            raise CommandError("Interrupted; what is done stays, run this again to go on.") from None
        except install.NameTaken as fault:
            raise CommandError(str(fault)) from fault
        except (StoreUnavailable, Error) as fault:
            said = " ".join(str(fault).split())
            raise CommandError(f"The database did not take it all ({said}); what is written stays, run this again to go on.") from fault

    def _tell(self, what: str, share: float) -> None:
        """At a terminal one line that changes, elsewhere a line for every fifth."""
        interactive = self.stdout.isatty()
        part = int(100 * share) if interactive else int(share * 5) * 20
        if part != self.shown or not share:
            self.stdout.write(f"{what} {part} %", ending="\r" if interactive and share < 1 else "\n")
            self.stdout.flush()
        self.shown = part

    def _make(self) -> None:
        made = install.make(self._tell)
        took = time.monotonic() - self.started
        told = f"{made.samples:,} samples written" if made.samples else "nothing was missing"
        self.stdout.write(
            f"The demonstration has {len(made.resources)} resources with {made.series:,} series and {grid.DAYS} days of history;"
            f" {told} in {took:.0f} s. It goes on as long as AIOps runs."
        )
        self.stdout.write("\nWorth opening:")
        pages = {"Overview": reverse("overview"), "The demonstration's resources": f"{reverse('resources')}?label=demo:true"}
        for title, resource in install.addresses(made.resources, made.world).items():
            pages[f"{title}: {resource.name}"] = reverse("resource", args=[resource.pk])
        for title, path in pages.items():
            self.stdout.write(f"  {_site()}{path}  {title}")
        self.stdout.write("\nEverything of it carries the label demo=true. To take it away: make demo ARGS=--remove")

    def _remove(self) -> None:
        gone = install.take_away(self._tell)
        if not gone.resources and not gone.series and not gone.source:
            self.stdout.write("There is no demonstration here; nothing was removed.")
            return
        self.stdout.write(
            f"The demonstration is gone: {gone.resources} resources, {gone.series:,} series, {gone.changes} changes and its source."
        )


def _site() -> str:
    return settings.PUBLIC_URL or f"http://localhost:{os.environ.get('PORT', '8000')}"
