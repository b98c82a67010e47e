from django.conf import settings
from django.db import models
from django.urls import reverse

from monitoring.dashboards import kept_pages

STATE_LENGTH = 8000  # characters of an address that every server and browser takes


class SavedView(models.Model):
    """A state of a page under a name: the address behind the question mark, with everything that page shows."""

    page = models.CharField(max_length=20, default="explorer")  # the name of its address, one of kept_pages
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=100)
    shared = models.BooleanField(default=False)  # everybody who may read sees it; only its owner changes it
    state = models.CharField(max_length=STATE_LENGTH)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "page", "name"], name="one_view_per_owner_and_name")]  # also: one's own
        indexes = [models.Index(fields=["page", "name"], condition=models.Q(shared=True), name="view_shared")]  # what others share, by name

    def __str__(self) -> str:
        return self.name

    @property
    def of(self) -> str:
        return kept_pages.title(self.page)

    @property
    def address(self) -> str:
        return f"{reverse(self.page)}?{self.state}"

    @property
    def queries(self) -> int:
        return sum(part.startswith("q=") for part in self.state.split("&"))
