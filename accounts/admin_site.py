"""Django admin, stock, with three additions: who may enter, estimated counts, and an audit entry for every change made in it.

`register` puts Audited in front of every ModelAdmin of every app, so that none can forget it.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from functools import cached_property
from typing import Any
from urllib.parse import quote

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import connection, models, transaction
from django.forms import BaseModelFormSet, ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts import audit
from accounts.permissions import can

EXACT_BELOW = 10_000
ACTION_ROWS = 500


class EstimatedPaginator(Paginator):
    """Counting millions of rows costs more than showing fifty of them: a whole large table is estimated."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        if not isinstance(rows, models.QuerySet) or rows.query.where or rows.query.distinct:
            return super().count
        estimate = _estimate(rows.model)
        return estimate if estimate >= EXACT_BELOW else super().count


def _estimate(model: type[models.Model]) -> int:
    if connection.vendor != "postgresql":
        key = model._meta.pk
        whole = isinstance(key, models.AutoField | models.BigAutoField)
        return (model._base_manager.aggregate(last=models.Max(key.attname))["last"] or 0) if key and whole else 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [f'"{model._meta.db_table}"'])
        return int(cursor.fetchone()[0])


def state_of(instance: models.Model) -> dict[str, Any]:
    """Columns and many-to-many of a row as they are in the database now."""
    related = {
        field.name: sorted(str(pk) for pk in getattr(instance, field.name).values_list("pk", flat=True))
        for field in instance._meta.many_to_many
    }
    return audit.snapshot(instance) | related


class Audited(admin.ModelAdmin):
    paginator = EstimatedPaginator
    show_full_result_count = False

    def _record(self, verb: str, instance: models.Model, **sides: Any) -> None:
        """`audited_elsewhere` on a ModelAdmin: the model's own signals or functions write its entries."""
        if not (getattr(self, "audited_elsewhere", False) and type(instance) is self.model):
            audit.record(f"{instance._meta.model_name}.{verb}", target=instance, **sides)

    def _record_change(self, instance: models.Model, before: dict[str, Any], **also: Any) -> None:
        found = audit.changes(before, state_of(instance))
        if found["before"] or found["after"]:
            self._record("changed", instance, before=found["before"], after={**found["after"], **also})

    def save_model(self, request: HttpRequest, obj: models.Model, form: ModelForm, change: bool) -> None:
        was = self.model._base_manager.filter(pk=obj.pk).first() if change else None
        obj.__dict__["_audit_before"] = state_of(was) if was else None
        super().save_model(request, obj, form, change)

    def log_addition(self, request: HttpRequest, obj: models.Model, message: Any) -> Any:
        logged = super().log_addition(request, obj, message)
        self._record("created", obj, after=state_of(self.model._base_manager.get(pk=obj.pk)))
        return logged

    def log_change(self, request: HttpRequest, obj: models.Model, message: Any) -> Any:
        logged = super().log_change(request, obj, message)
        before = obj.__dict__.pop("_audit_before", None)
        if before is not None:
            self._record_change(self.model._base_manager.get(pk=obj.pk), before)
        return logged

    def save_formset(self, request: HttpRequest, form: Any, formset: BaseModelFormSet, change: bool) -> None:
        rows = formset.queryset if change and formset.queryset is not None else []
        before = {row.pk: state_of(row) for row in rows}
        super().save_formset(request, form, formset, change)
        for row in formset.new_objects:
            self._record("created", row, after=state_of(row))
        for row, _ in formset.changed_objects:
            self._record_change(row, before.get(row.pk, {}))
        for row in formset.deleted_objects:
            self._record("deleted", row, before=audit.snapshot(row))

    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        with self._recording_deletion([obj]):
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        with self._recording_deletion(queryset):
            super().delete_queryset(request, queryset)

    @contextmanager
    def _recording_deletion(self, rows: Iterable[models.Model]) -> Iterator[None]:
        with transaction.atomic():
            gone = [(copy(row), state_of(row)) for row in rows]  # a deleted row forgets its key, the copy does not
            yield
            for row, before in gone:
                self._record("deleted", row, before=before)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """A filter by the year 99999 goes wrong outside of what Django catches; it is answered like any other wrong filter."""
        try:
            return super().get_changelist_instance(request)
        except (ValueError, OverflowError) as fault:
            raise IncorrectLookupParameters from fault

    def _chosen(self, request: HttpRequest) -> list[str]:
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        try:
            for key in chosen:
                self.opts.pk.to_python(key)
        except ValidationError:
            raise BadRequest("The selection is not valid; reload the page and choose again.") from None
        return chosen

    def response_action(self, request: HttpRequest, queryset: models.QuerySet[Any], *args: Any) -> Any:
        """Actions of other apps change rows by themselves: compare what they were given before and after."""
        name, chosen = request.POST.get("action", ""), self._chosen(request)[:ACTION_ROWS]
        if name == "delete_selected":
            return super().response_action(request, queryset, *args)
        with transaction.atomic():
            before = {row.pk: state_of(row) for row in self.model._base_manager.filter(pk__in=chosen)}
            response = super().response_action(request, queryset, *args)
            if name and before:
                for row in self.model._base_manager.filter(pk__in=before):
                    self._record_change(row, before[row.pk], action=name)
                audit.record(
                    "admin.action_run", target=f"{name} on {self.opts.verbose_name_plural}", after={"rows": [str(pk) for pk in before]}
                )
        return response


class AuditedAdminSite(admin.AdminSite):
    site_header = site_title = "AIOps administration"
    index_title = "Administration"

    def register(self, model_or_iterable: Any, admin_class: type[admin.ModelAdmin] | None = None, **options: Any) -> None:
        base = admin_class or admin.ModelAdmin
        audited = base if issubclass(base, Audited) else type(base.__name__, (Audited, base), {"__module__": base.__module__})
        super().register(model_or_iterable, audited, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        return can(request.user, "users:manage")

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One sign-in for everything, with its limits and second factor."""
        if request.user.is_authenticated:
            raise PermissionDenied("This needs the permission users:manage, which your role does not have.")
        return redirect(f"{reverse('account_login')}?next={quote(request.GET.get('next') or reverse('admin:index'))}")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # type: ignore[override]
        return redirect("account_logout")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # type: ignore[override]
        return redirect("account_change_password")
