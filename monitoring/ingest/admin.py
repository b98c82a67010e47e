from django.contrib import admin

from accounts.admin import ReadOnly
from monitoring.ingest.models import Sender


@admin.register(Sender)
class SenderAdmin(ReadOnly):
    list_display = ("name", "door", "samples", "first_seen", "last_seen")
    list_filter = ("door",)
    search_fields = ("name",)
