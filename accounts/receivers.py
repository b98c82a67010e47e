"""Hears of people, their sign-ins and tokens, and writes it to the audit trail."""

from typing import Any

from allauth.account import signals as account_signals
from allauth.mfa import signals as mfa_signals
from allauth.mfa.models import Authenticator
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import receiver
from django.http import HttpRequest

from accounts import audit, tokens
from accounts.models import ApiToken, User
from accounts.refusals import record_refusal
from accounts.signals import permission_refused

WATCHED = ("email", "name", "role", "is_active", "time_zone", "theme", "single_keys")


def _watched(user: User) -> dict[str, Any]:
    return {name: getattr(user, name) for name in WATCHED}


@receiver(pre_save, sender=User)
def on_user_saving(sender: type[User], instance: User, update_fields: frozenset[str] | None, **kwargs: Any) -> None:
    touched = update_fields is None or set(update_fields) & set(WATCHED)
    was = User.objects.filter(pk=instance.pk).first() if instance.pk and touched else None
    instance.__dict__["_was"] = _watched(was) if was else None


@receiver(post_save, sender=User)
def on_user_saved(sender: type[User], instance: User, created: bool, **kwargs: Any) -> None:
    was = instance.__dict__.pop("_was", None)
    if created:
        audit.record("user.created", target=instance, after=_watched(instance))
    elif was and was != _watched(instance):
        tokens.forget(*instance.tokens.values_list("public_id", flat=True))
        action = "user.role_changed" if was["role"] != instance.role else "user.changed"
        audit.record(action, target=instance, **audit.changes(was, _watched(instance)))


@receiver(post_delete, sender=User)
def on_user_deleted(sender: type[User], instance: User, **kwargs: Any) -> None:
    audit.record("user.deleted", target=instance, before=_watched(instance))


@receiver(post_delete, sender=ApiToken)
def on_token_deleted(sender: type[ApiToken], instance: ApiToken, **kwargs: Any) -> None:
    """Only with its owner: otherwise tokens are revoked and stay in sight."""
    tokens.forget(instance.public_id)


@receiver(user_logged_in)
def on_signed_in(sender: Any, user: User, **kwargs: Any) -> None:
    audit.record("user.signed_in", target=user, actor=user)


@receiver(user_logged_out)
def on_signed_out(sender: Any, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        audit.record("user.signed_out", target=user, actor=user)


@receiver(user_login_failed)
def on_sign_in_failed(sender: Any, credentials: dict[str, Any], **kwargs: Any) -> None:
    """By person where there is one of that address, so that they see it in their profile; else by what was typed."""
    typed = str(credentials.get("email") or credentials.get("username") or "")
    audit.record("user.sign_in_failed", target=User.objects.filter(email__iexact=typed).first() or typed)


@receiver(account_signals.password_changed)
@receiver(account_signals.password_set)
def on_password_changed(sender: Any, user: User, **kwargs: Any) -> None:
    audit.record("user.password_changed", target=user, actor=user)


@receiver(account_signals.password_reset)
def on_password_reset(sender: Any, user: User, **kwargs: Any) -> None:
    audit.record("user.password_reset", target=user, actor=user)


# The rows themselves, not allauth's signals: those are sent after the commit, when an entry could get lost, and not by Django admin.
@receiver(post_save, sender=Authenticator)
def on_authenticator_saved(sender: type[Authenticator], instance: Authenticator, created: bool, **kwargs: Any) -> None:
    if created:
        audit.record("user.mfa_added", target=instance.user, after={"kind": instance.type})


@receiver(post_delete, sender=Authenticator)
def on_authenticator_deleted(sender: type[Authenticator], instance: Authenticator, **kwargs: Any) -> None:
    audit.record("user.mfa_removed", target=instance.user, before={"kind": instance.type})


@receiver(mfa_signals.authentication_failed)
def on_code_refused(sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    audit.record("user.sign_in_failed", target=user, after={"at": "second factor", "kind": authenticator.type})


@receiver(permission_refused)
def on_permission_refused(sender: Any, bearer: Any, permission: str | None, **kwargs: Any) -> None:
    key = f"{bearer.token.public_id}:{permission}"
    record_refusal("token.refused", key, target=bearer.token, actor=bearer.token, reason="lacks a permission", permission=permission)
