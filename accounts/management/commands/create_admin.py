from typing import Any

from django.core.management.base import BaseCommand

from accounts import first_admin


class Command(BaseCommand):
    help = (
        "Make the first admin (name admin, e-mail admin@localhost) where there is nobody yet. Password: AIOPS_ADMIN_PASSWORD or generated."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        made = first_admin.ensure()
        if made is None:
            self.stdout.write("There are people already; nothing was done.")
            return
        user, password = made
        shown = f"password {password} (shown once)" if password else "the password in AIOPS_ADMIN_PASSWORD"
        self.stdout.write(f"Sign in as {user.email} with {shown}.")
