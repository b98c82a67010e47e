"""Pages of people: signing in, second factor, profile, tokens; and the audit trail. allauth's own names are kept."""

from allauth.account import views as account_views
from allauth.mfa.base import views as mfa_views
from allauth.mfa.recovery_codes import views as code_views
from allauth.mfa.totp import views as totp_views
from django.urls import path, re_path
from django.views.generic import RedirectView

from accounts import audit_pages, sign_in, views

account = [
    path("accounts/", RedirectView.as_view(pattern_name="profile")),
    path("accounts/login/", sign_in.SignInView.as_view(), name="account_login"),
    path("accounts/logout/", account_views.logout, name="account_logout"),
    path("accounts/inactive/", account_views.account_inactive, name="account_inactive"),
    path("accounts/reauthenticate/", sign_in.ReauthenticateView.as_view(), name="account_reauthenticate"),
    path("accounts/password/change/", account_views.password_change, name="account_change_password"),
    path("accounts/password/set/", account_views.password_set, name="account_set_password"),
    path("accounts/password/reset/", sign_in.PasswordResetView.as_view(), name="account_reset_password"),
    path("accounts/password/reset/done/", account_views.password_reset_done, name="account_reset_password_done"),
    path("accounts/password/reset/key/done/", account_views.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    re_path(
        r"^accounts/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        account_views.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
]
second_factor = [
    path("accounts/2fa/", mfa_views.index, name="mfa_index"),
    path("accounts/2fa/authenticate/", sign_in.CodeView.as_view(), name="mfa_authenticate"),
    path("accounts/2fa/reauthenticate/", sign_in.CodeAgainView.as_view(), name="mfa_reauthenticate"),
    path("accounts/2fa/totp/activate/", sign_in.ActivateTOTPView.as_view(), name="mfa_activate_totp"),
    path("accounts/2fa/totp/deactivate/", totp_views.deactivate_totp, name="mfa_deactivate_totp"),
    path("accounts/2fa/recovery-codes/", code_views.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("accounts/2fa/recovery-codes/generate/", code_views.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("accounts/2fa/recovery-codes/download/", code_views.download_recovery_codes, name="mfa_download_recovery_codes"),
]
closed = [
    path("accounts/signup/", sign_in.closed, name="account_signup"),
    path("accounts/email/", sign_in.closed, name="account_email"),
    path("accounts/confirm-email/", sign_in.closed, name="account_email_verification_sent"),
    path("accounts/confirm-email/<str:key>/", sign_in.closed, name="account_confirm_email"),
    path("accounts/login/code/confirm/", sign_in.closed, name="account_confirm_login_code"),
]
profile = [
    path("profile/", views.profile, name="profile"),
    path("profile/theme/", views.theme, name="theme"),
    path("profile/tokens/new/", views.create_token, name="token-create"),
    path("profile/tokens/<int:pk>/rotate/", views.rotate_token, name="token-rotate"),
    path("profile/tokens/<int:pk>/revoke/", views.revoke_token, name="token-revoke"),
]
audit = [
    path("audit/", audit_pages.index, name="audit"),
    path("audit/verify/", audit_pages.verify, name="audit-verify"),
    path("audit/export.csv", audit_pages.export, name="audit-export"),
    path("audit/<int:pk>/", audit_pages.entry, name="audit-entry"),
]
urlpatterns = account + second_factor + closed + profile + audit
