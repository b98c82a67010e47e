from django.contrib import admin
from django.http import HttpRequest

from monitoring.store.models import RetentionOverride, Series


@admin.register(RetentionOverride)
class RetentionOverrideAdmin(admin.ModelAdmin):
    list_display = ("pattern", "raw_days", "rollup_days")
    search_fields = ("pattern",)


@admin.register(Series)
class SeriesAdmin(admin.ModelAdmin):
    """For looking things up: series come and go with their samples."""

    list_display = ("id", "metric", "labels", "resource", "created", "seen")
    list_select_related = ("resource",)
    search_fields = ("metric__startswith",)
    exclude = ("key",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Series | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Series | None = None) -> bool:
        return False
