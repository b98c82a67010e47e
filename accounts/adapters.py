"""allauth's hooks: sign-up is closed, tries are counted, mail leaves through the worker, authenticator secrets are encrypted at rest."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.http import HttpRequest
from django.urls import reverse

from accounts import limits, tasks
from accounts.middleware import client_address
from aiops import crypto

FACTOR_SEALED = (
    "The second factor cannot be checked: it was sealed with another AIOPS_SECRET_KEY. "
    "An administrator can put that key into AIOPS_SECRET_KEY_FALLBACKS, or remove your second factor."
)


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": limits.WRONG,
        "incorrect_password": "The password is wrong.",
        "incorrect_code": "The code is wrong.",
        "enter_current_password": "This is not your current password.",
        "too_many_login_attempts": limits.CODES_PAUSED,
        "rate_limited": limits.CODES_PAUSED,
        "invalid_password_reset": "The link is no longer valid; ask for a new one.",
        "same_as_current": "This is your current password; choose another.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request) or "unknown"

    def format_email_subject(self, subject: str) -> str:
        return f"AIOps: {subject}"

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("profile")

    def get_reset_password_from_key_url(self, key: str) -> str:
        url = super().get_reset_password_from_key_url(key)
        return settings.PUBLIC_URL + "/" + url.split("/", 3)[3] if settings.PUBLIC_URL else url

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Raises limits.Paused before the password is looked at, so that waiting tries tell nothing."""
        limits.count_try(credentials.get("email", ""), client_address(request))

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        user = super().authenticate(request, **credentials)
        if user:
            limits.forgive(credentials.get("email", ""), client_address(request))
        return user

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **credentials: Any) -> None:
        """A new password set by mail ends the pause of the old one."""
        limits.forget(credentials.get("email", ""), client_address(request))

    def _rollback_login_failed_rl_usage(self) -> None:
        """Of allauth's own counting, which pre_authenticate replaces."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        mail = self.render_mail(template_prefix, email, {"request": self.request, "email": email, **context})
        tasks.deliver.delay(str(mail.subject), str(mail.body), mail.from_email, list(mail.to))


class MFAAdapter(DefaultMFAAdapter):
    error_messages = DefaultMFAAdapter.error_messages | {"incorrect_code": "The code is wrong."}

    def encrypt(self, text: str) -> str:
        return crypto.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return crypto.decrypt(encrypted_text)
        except ImproperlyConfigured:
            raise ValidationError(FACTOR_SEALED) from None  # nobody is signed in by then: the session was signed with that key too
