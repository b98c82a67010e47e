from django.contrib import admin
from django.http import HttpRequest

from forecasting.models import Anomaly, ForecastModel, Foresight, Track


class LookUp(admin.ModelAdmin):
    """For looking things up: rows come from what is watched. Watches are changed on their page, which checks and audits."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Track)
class TrackAdmin(LookUp):
    list_display = ("vm", "series", "watch", "state", "reason", "last_seen")
    list_select_related = ("watch",)
    list_filter = ("state",)
    search_fields = ("vm__startswith",)


@admin.register(ForecastModel)
class ForecastModelAdmin(LookUp):
    list_display = ("track", "version", "kind", "level", "made_at", "ratio", "active", "fault")
    list_select_related = ("track",)
    list_filter = ("active", "kind", "level")
    exclude = ("state",)


@admin.register(Anomaly)
class AnomalyAdmin(LookUp):
    list_display = ("track", "started_at", "ended_at", "score", "reason", "feedback")
    list_select_related = ("track",)
    list_filter = ("feedback",)


@admin.register(Foresight)
class ForesightAdmin(LookUp):
    list_display = ("track", "opened_at", "eta", "outcome", "closed_at", "note")
    list_select_related = ("track",)
    list_filter = ("outcome",)
