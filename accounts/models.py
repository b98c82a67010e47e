"""People, their roles and tokens, and the audit trail."""

import zoneinfo
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone

from accounts.permissions import ADMIN, OPERATOR, VIEWER, can


class Role(models.TextChoices):
    VIEWER = VIEWER
    OPERATOR = OPERATOR
    ADMIN = ADMIN


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.name = user.name or user.email.split("@")[0]
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, **{"role": Role.ADMIN, **fields})

    def named(self, name_or_email: str) -> "User":
        """The user with this name or e-mail address. Raises User.DoesNotExist."""
        return self.get(models.Q(email__iexact=name_or_email) | models.Q(name__iexact=name_or_email))


def known_time_zone(value: str) -> None:
    if value not in zoneinfo.available_timezones():
        from django.core.exceptions import ValidationError

        raise ValidationError(f"{value} is not a time zone; write for example Europe/Berlin")


class User(AbstractBaseUser):
    """Signs in by e-mail. The role is all that decides what a person may do (permissions.PERMISSIONS)."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=150, unique=True)
    role = models.CharField(max_length=20, choices=Role, default=Role.VIEWER)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[known_time_zone])
    theme = models.CharField(max_length=5, choices={"dark": "Dark", "light": "Light"}, default="dark")
    single_keys = models.BooleanField("single-letter shortcuts", default=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: list[str] = []
    objects = UserManager()

    def __str__(self) -> str:
        return self.name

    # Django admin asks these; both defer to the permission table.
    @property
    def is_staff(self) -> bool:
        return can(self, "users:manage")

    @property
    def is_superuser(self) -> bool:
        return can(self, "users:manage")

    def has_perm(self, permission: str, obj: object = None) -> bool:
        return can(self, "users:manage")

    def has_perms(self, permissions: list[str], obj: object = None) -> bool:
        return can(self, "users:manage")

    def has_module_perms(self, app: str) -> bool:
        return can(self, "users:manage")

    @property
    def initials(self) -> str:
        words = self.name.replace(".", " ").split()
        return ((words[0][0] + words[-1][0]) if len(words) > 1 else self.name[:2]).upper()
