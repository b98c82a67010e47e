"""What a page that deletes something does and says, whatever it deletes."""

from django.contrib import messages
from django.db import models
from django.http import HttpRequest

from accounts.authentication import person
from monitoring.notifications import editing


def taken_away(request: HttpRequest, found: models.Model) -> bool:
    """Whether it is gone; what others need stays, and the page says who they are."""
    try:
        editing.delete(found, person(request))
    except editing.InUse as fault:
        messages.error(request, f"{found} stays: {fault.message}")
        return False
    messages.success(request, f"{found} is deleted.")
    return True
