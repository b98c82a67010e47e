"""Signing in: allauth's views and forms with our limits. A refused try is 429 with one sentence."""

from typing import Any

from allauth.account import views as account_views
from allauth.account.forms import LoginForm
from allauth.mfa.base import views as mfa_views
from allauth.mfa.totp import views as totp_views
from django.conf import settings
from django.core.exceptions import ValidationError
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase

from accounts import limits
from accounts.middleware import client_address
from accounts.refusals import record_refusal


class SignInForm(LoginForm):
    def _clean_with_password(self, credentials: dict[str, Any]) -> Any:
        try:
            return super()._clean_with_password(credentials)
        except ValidationError:
            raise ValidationError(limits.sentence_of_failure(credentials["email"], client_address(self.request))) from None


class LimitedView:
    """Mixed into allauth's form views: a paused try re-renders the form as 429."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().post(request, *args, **kwargs)  # type: ignore[misc]
        except limits.Paused as paused:
            return self._paused(request, str(paused), paused.seconds)

    def form_invalid(self, form: BaseForm) -> HttpResponse:
        response = super().form_invalid(form)  # type: ignore[misc]
        if any(limits.CODES_PAUSED in errors for errors in form.errors.values()):
            response.status_code = 429
            response["Retry-After"] = "300"
        return response

    def _paused(self, request: HttpRequest, sentence: str, seconds: int) -> HttpResponse:
        record_refusal(
            "user.sign_in_refused", f"sign-in:{client_address(request)}", target=request.POST.get("login", "")[:254], reason=sentence
        )
        context = self.get_context_data(form=self.get_form_class()(**self._unbound()), paused=sentence)  # type: ignore[attr-defined]
        response = self.render_to_response(context, status=429)  # type: ignore[attr-defined]
        response["Retry-After"] = str(seconds)
        return response

    def _unbound(self) -> dict[str, Any]:
        kwargs = self.get_form_kwargs()  # type: ignore[attr-defined]
        kwargs["initial"] = {"login": self.request.POST.get("login", "")}  # type: ignore[attr-defined]
        return {name: value for name, value in kwargs.items() if name not in ("data", "files")}


class SignInView(LimitedView, account_views.LoginView):
    form_class = SignInForm
    extra_context = {"days": settings.SESSION_COOKIE_AGE // 86_400}


class ReauthenticateView(LimitedView, account_views.ReauthenticateView):
    pass


class CodeView(LimitedView, mfa_views.AuthenticateView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"person": self.stage.login.user}


class CodeAgainView(LimitedView, mfa_views.ReauthenticateView):
    pass


class ActivateTOTPView(LimitedView, totp_views.ActivateTOTPView):
    pass


class PasswordResetView(account_views.PasswordResetView):
    extra_context = {"sends_mail": bool(settings.EMAIL_HOST) or settings.DEBUG}


def closed(request: HttpRequest, **kwargs: str) -> HttpResponse:
    """Addresses that allauth wants to name but that make no sense here."""
    raise Http404("Accounts are made by an admin; there is no page to sign up or to change one's e-mail address.")
