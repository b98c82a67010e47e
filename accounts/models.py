"""People, their roles and tokens, and the audit trail."""

import hashlib
import json
import zoneinfo
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from accounts.permissions import ADMIN, APPROVER, OPERATOR, VIEWER, can


class Role(models.TextChoices):
    VIEWER = VIEWER
    OPERATOR = OPERATOR
    APPROVER = APPROVER
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
        """The user with this e-mail address or name. Raises User.DoesNotExist."""
        return self.filter(email__iexact=name_or_email).first() or self.get(name__iexact=name_or_email)


def known_time_zone(value: str) -> None:
    if value not in zoneinfo.available_timezones():
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
    REQUIRED_FIELDS: ClassVar[list[str]] = []
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


class TokenKind(models.TextChoices):
    PERSONAL = "personal", "Personal"
    INGEST = "ingest", "Ingest, write only"


class ApiToken(models.Model):
    """`aio_` + public id + `_` + secret. Only a digest of the whole is kept; tokens.py makes, rotates and revokes them."""

    user = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=TokenKind, default=TokenKind.PERSONAL)
    public_id = models.CharField(max_length=12, unique=True)
    digest = models.CharField(max_length=64)
    ending = models.CharField(max_length=4)  # the last characters, so that people recognise it
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_address = models.CharField(max_length=45, blank=True, default="")
    revoked_at = models.DateTimeField(null=True, blank=True)
    replaced_by = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="+")

    def __str__(self) -> str:
        return f"{self.name} (aio_{self.public_id})"

    def is_valid(self, now: datetime | None = None) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > (now or timezone.now()))

    @property
    def state(self) -> str:
        if self.revoked_at:
            return "revoked"
        if not self.is_valid():
            return "expired"
        return "replaced" if self.replaced_by_id else "valid"

    @property
    def expires_soon(self) -> bool:
        return self.expires_at is not None and self.expires_at - timezone.now() < timedelta(days=7)


def canonical(value: Any) -> str:
    """One spelling for a JSON value, whatever database keeps it: sorted keys, ASCII, what JSON does not know as text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


class CanonicalJSONField(models.TextField):
    """JSON kept as the very text that was hashed. (jsonb would rewrite numbers and the order of keys.)"""

    def from_db_value(self, value: str | None, expression: object, connection: object) -> Any:
        return None if value is None else json.loads(value)

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else canonical(value)


class AuditEntry(models.Model):
    """One thing somebody did. Written by audit.record only; the database refuses UPDATE and DELETE (audit_guard.py).

    Actor and object are plain columns and text, so that an entry outlives what it speaks of.
    """

    time = models.DateTimeField()
    user_id = models.BigIntegerField(null=True)
    token_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=300)
    action = models.CharField(max_length=100)
    object_type = models.CharField(max_length=100, blank=True)
    object_id = models.CharField(max_length=100, blank=True)
    object_text = models.CharField(max_length=300, blank=True)
    before = CanonicalJSONField(null=True)
    after = CanonicalJSONField(null=True)
    address = models.CharField(max_length=45, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    previous = models.CharField(max_length=64, blank=True, unique=True)  # unique: the chain cannot fork
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index("time", name="audit_time"),  # the page's period
            models.Index("action", "time", name="audit_action"),  # filter by action
            models.Index("user_id", "time", name="audit_user"),  # filter by person, a person's recent sign-ins
            models.Index("object_type", "object_id", name="audit_object"),  # what happened to this object
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.action}"

    def content_hash(self) -> str:
        """SHA-256 over the previous hash and every column; times as whole microseconds, so that databases agree."""
        moment = self.time - datetime(1970, 1, 1, tzinfo=self.time.tzinfo)
        content = [
            self.previous,
            moment // timedelta(microseconds=1),
            self.user_id,
            self.token_id,
            self.actor,
            self.action,
            self.object_type,
            self.object_id,
            self.object_text,
            self.before,
            self.after,
            self.address,
            self.request_id,
        ]
        return hashlib.sha256(canonical(content).encode()).hexdigest()
