"""Profile: who I am, how I sign in, my tokens."""

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts import tokens
from accounts.forms import ProfileForm, TokenForm
from accounts.models import ApiToken, AuditEntry, User
from accounts.permissions import PERMISSIONS, can, permission_required

SIGN_INS = ("user.signed_in", "user.sign_in_failed")


def _me(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


@login_required
def profile(request: HttpRequest) -> HttpResponse:
    me = _me(request)
    form = ProfileForm(request.POST or None, instance=User.objects.get(pk=me.pk))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Profile saved.")
        return redirect("profile")
    mine = list(me.tokens.order_by("-created_at"))
    factors = {factor.type: factor for factor in Authenticator.objects.filter(user=me)}
    codes = factors.get(Authenticator.Type.RECOVERY_CODES)
    context = {
        "form": form,
        "tokens": [token for token in mine if token.is_valid()] + [token for token in mine if not token.is_valid()],
        "valid": sum(token.is_valid() for token in mine),
        "totp": factors.get(Authenticator.Type.TOTP),
        "codes_left": len(codes.wrap().get_unused_codes()) if codes else 0,
        "permissions": [(name, meaning, can(me, name)) for name, (meaning, _) in PERMISSIONS.items()],
        "sign_ins": AuditEntry.objects.filter(object_type="accounts.user", object_id=str(me.pk), action__in=SIGN_INS).order_by("-id")[:8],
    }
    return render(request, "accounts/profile.html", context, status=400 if form.errors else 200)


@login_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    wanted = request.POST.get("theme")
    if wanted not in ("dark", "light"):
        return HttpResponse("theme is dark or light", status=400, content_type="text/plain")
    User.objects.filter(pk=_me(request).pk).update(theme=wanted)
    return HttpResponse(status=204)


@never_cache
@permission_required("tokens:write")
def create_token(request: HttpRequest) -> HttpResponse:
    form = TokenForm(_me(request), request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and (raw := form.issue()):
        return _show_once(request, form.token, raw, "created")
    return render(request, "accounts/token_create.html", {"form": form}, status=400 if form.errors else 200)


@never_cache
@permission_required("tokens:write")
@require_POST
def rotate_token(request: HttpRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(ApiToken, pk=pk, user=_me(request))
    try:
        successor, raw = tokens.rotate(token)
    except tokens.TokenError as fault:
        messages.error(request, str(fault))
        return redirect("profile")
    return _show_once(request, successor, raw, "rotated")


@permission_required("tokens:write")
@require_POST
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(ApiToken, pk=pk, user=_me(request))
    tokens.revoke(token)
    messages.success(request, f"{token.name} is revoked.")
    return redirect("profile")


def _show_once(request: HttpRequest, token: ApiToken, raw: str, what: str) -> HttpResponse:
    """Straight in the answer to the POST: the token is kept nowhere, not even in the session."""
    context = {
        "token": token,
        "raw": raw,
        "what": what,
        "overlap": tokens.OVERLAP_HOURS,
        "root": request.build_absolute_uri("/").rstrip("/"),
    }
    return render(request, "accounts/token_shown.html", context)
