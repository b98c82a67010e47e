"""Notifications in Django admin: what people set up can be changed, what the engine wrote can be read. A channel's own fields are asked
on its page, which knows its kind."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.admin import ReadOnly
from monitoring.notifications.models import (
    Channel,
    ContactMethod,
    Delivery,
    DeliveryAttempt,
    EscalationPolicy,
    EscalationStep,
    NotificationGroup,
    Route,
    Schedule,
    ScheduleLayer,
    ScheduleOverride,
    page,
)

HEALTH = ("status", "last_attempt", "last_success", "last_answer", "failures", "dead_since")


@admin.register(Channel)
class ChannelAdmin(admin.ModelAdmin):
    list_display = ("name", "kind", "enabled", "status", "last_success", "failures")
    list_filter = ("kind", "enabled")
    search_fields = ("name",)
    fields = ("name", "kind", "enabled", "quiet_from", "quiet_to", "quiet_days", "quiet_except", "time_zone", *HEALTH)
    readonly_fields = ("kind", *HEALTH)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return redirect(page("notification-channel-add") or "/")  # which fields there are depends on the kind

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        """Only what was changed: an attempt may be writing the other columns at this moment."""
        obj.save(update_fields=form.changed_data or ["name"])


@admin.register(Route)
class RouteAdmin(admin.ModelAdmin):
    list_display = ("name", "position", "enabled", "goes_on", "group_wait", "group_interval", "repeat_interval")
    list_filter = ("enabled",)
    search_fields = ("name",)


class Steps(admin.TabularInline):
    model = EscalationStep
    extra = 0


@admin.register(EscalationPolicy)
class EscalationPolicyAdmin(admin.ModelAdmin):
    list_display = ("name", "description", "repeat")
    search_fields = ("name",)
    inlines = (Steps,)


class Layers(admin.StackedInline):
    model = ScheduleLayer
    extra = 0


class Overrides(admin.TabularInline):
    model = ScheduleOverride
    extra = 0


@admin.register(Schedule)
class ScheduleAdmin(admin.ModelAdmin):
    list_display = ("name", "time_zone", "description")
    search_fields = ("name",)
    inlines = (Layers, Overrides)


@admin.register(ContactMethod)
class ContactMethodAdmin(admin.ModelAdmin):
    list_display = ("user", "channel", "address", "severity_from")
    list_select_related = ("user", "channel")


@admin.register(NotificationGroup)
class NotificationGroupAdmin(ReadOnly):
    list_display = ("id", "route_name", "severity", "firing", "acknowledged", "messages_count", "opened_at", "closed_at")
    list_filter = ("severity", "acknowledged")
    search_fields = ("route_name",)


class Attempts(admin.TabularInline):
    model = DeliveryAttempt
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly):
    list_display = ("id", "channel_name", "recipient", "status", "attempts_count", "created_at", "ended_at", "last_answer")
    list_filter = ("status", "channel_name")
    search_fields = ("channel_name", "recipient", "last_answer")
    inlines = (Attempts,)
