"""The first person of an installation."""

import secrets

from django.db import transaction

from accounts.models import Role, User
from aiops import env

NAME, EMAIL = "admin", "admin@localhost"


def ensure() -> tuple[User, str | None] | None:
    """Make the first admin where there is nobody yet. The password only where it was generated: it is shown once.

    None where people exist already. Called by one process at a time, after migrating.
    """
    with transaction.atomic():
        if User.objects.exists():
            return None
        given = env.text("AIOPS_ADMIN_PASSWORD")
        password = given or secrets.token_urlsafe(12)
        user = User.objects.create_user(EMAIL, password, name=NAME, role=Role.ADMIN)
    return user, None if given else password
