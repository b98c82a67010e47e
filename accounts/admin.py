from typing import Any

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts import audit, tokens
from accounts.models import ApiToken, AuditEntry, Role, User


def is_last_admin(user: User) -> bool:
    admins = User.objects.filter(role=Role.ADMIN, is_active=True)
    return admins.filter(pk=user.pk).exists() and admins.count() == 1


class _Person(forms.ModelForm):
    def clean_email(self) -> str:
        email = self.cleaned_data["email"].lower()
        if User.objects.filter(email__iexact=email).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError("Somebody has this address already.")
        return email


class NewUserForm(_Person, AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("email", "name", "role")


class ChangeUserForm(_Person, UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"  # noqa: DJ007 - the admin's fieldsets choose

    def clean(self) -> dict[str, Any]:
        asked = super().clean() or {}
        stays = asked.get("role") == Role.ADMIN and asked.get("is_active")
        if is_last_admin(self.instance) and not stays:
            raise forms.ValidationError("This is the last admin; make another one first.")
        return asked


@admin.register(User)
class UserAdmin(StockUserAdmin):
    audited_elsewhere = True  # receivers.py, whoever changes a person
    form, add_form = ChangeUserForm, NewUserForm
    list_display = ("name", "email", "role", "is_active", "last_login")
    list_filter = ("role", "is_active")
    search_fields = ("name", "email")
    ordering = ("name",)
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "name", "password")}),
        ("Rights", {"fields": ("role", "is_active")}),
        ("Preferences", {"fields": ("time_zone", "theme", "single_keys")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "name", "role", "usable_password", "password1", "password2")}),)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """People are deleted one by one, so that the last admin cannot go with the rest."""
        return {name: found for name, found in super().get_actions(request).items() if name != "delete_selected"}

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and is_last_admin(obj))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, Any, Any]:
        """Their tokens go with them, though a token alone is revoked, not deleted."""
        gone, counts, refused, protected = super().get_deleted_objects(objs, request)
        return gone, counts, refused - {ApiToken._meta.verbose_name}, protected

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        was = User.objects.filter(pk=id).values_list("password", flat=True).first() if id.isdecimal() else None
        with transaction.atomic():
            response = super().user_change_password(request, id, form_url)
            person = User.objects.filter(pk=id).first() if was is not None else None
            if person and person.password != was:
                audit.record("user.password_set", target=person)
        return response


class ReadOnly(admin.ModelAdmin):
    """Rows that only the product itself writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnly):
    """No secrets: the digest is not shown. A token is made by its owner only; here it can be revoked."""

    list_display = ("name", "user", "kind", "public_id", "state", "expires_at", "last_used_at")
    list_filter = ("kind", "user")
    list_select_related = ("user",)
    search_fields = ("name", "public_id", "user__name")
    exclude = ("digest",)
    actions = ("revoke",)

    @admin.action(description="Revoke selected tokens", permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        valid = [token for token in queryset if token.is_valid()]
        for token in valid:
            tokens.revoke(token)
        messages.success(request, f"{len(valid)} revoked.")


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly):
    list_display = ("id", "time", "actor", "action", "object_text", "address")
    list_display_links = ("id", "time")
    list_filter = ("action",)
    search_fields = ("actor", "action", "object_text")
    ordering = ("-id",)


# Roles stand in permissions.py; addresses belong to the person; a second factor is set up by its owner and only ever removed here.
for unused in (Group, EmailAddress, EmailConfirmation, Authenticator):
    if admin.site.is_registered(unused):
        admin.site.unregister(unused)


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnly):
    """For who lost the phone: an admin deletes the second factor."""

    audited_elsewhere = True
    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    exclude = ("data",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True
