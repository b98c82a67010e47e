from typing import Any

from django.core.management.base import BaseCommand

from aiops import prepare


class Command(BaseCommand):
    help = "Applies migrations, collects static files and makes the first admin, each only where it is needed."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(prepare.announcement(prepare.everything()) or "Ready.")
