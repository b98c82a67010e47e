from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin import ReadOnly
from monitoring.inventory.models import Resource, ResourceChange


@admin.register(Resource)
class ResourceAdmin(admin.ModelAdmin):
    """For reading, and for removing what will not come back. What sources report, sources change."""

    list_display = ("name", "kind", "state", "health", "last_seen", "source")
    list_filter = ("kind", "state", "ephemeral")
    search_fields = ("name",)
    list_select_related = ("source",)
    exclude = ("said",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ResourceChange)
class ResourceChangeAdmin(ReadOnly):
    list_display = ("time", "resource_name", "resource_kind", "kind", "text")
    list_filter = ("kind", "resource_kind")
    search_fields = ("resource_name", "text")
    date_hierarchy = "time"
