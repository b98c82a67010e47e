"""How a person wants to hear: toasts, sound, mails, quiet hours, and where else they can be reached."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts import audit
from accounts.authentication import person
from accounts.permissions import permission_required
from aiops.plugin_forms import dress
from monitoring.notifications import editing
from monitoring.notifications.forms import ContactForm, PreferenceForm
from monitoring.notifications.inbox import NoticePreference
from monitoring.notifications.models import ContactMethod

READ = "monitoring:read"
BACK = "/notifications/?tab=you"
MOST_CONTACTS = 20


def shown(request: HttpRequest, form: PreferenceForm | None = None, contact: ContactForm | None = None) -> dict[str, Any]:
    me = person(request)
    form = form or PreferenceForm(instance=_of(request))
    return {
        "form": dress(form),
        "contact_form": dress(contact or ContactForm(prefix="contact", instance=ContactMethod(user=me))),
        "contacts": ContactMethod.objects.filter(user=me).select_related("channel").order_by("channel__name", "id"),
        "me": me,
    }


def _of(request: HttpRequest) -> NoticePreference:
    me = person(request)
    return NoticePreference.objects.filter(user=me).first() or NoticePreference(user=me)


def saved(request: HttpRequest) -> HttpResponse | dict[str, Any]:
    """The answer, or the page's context with what is wrong."""
    if "contact-channel" in request.POST:
        return _reached(request)
    mine = _of(request)
    before = audit.snapshot(mine) if mine.pk else None
    form = PreferenceForm(request.POST, instance=mine)
    if not form.is_valid():
        return shown(request, form)
    editing.save(form.save(commit=False), person(request), before)
    messages.success(request, "Saved.")
    return redirect(BACK)


def _reached(request: HttpRequest) -> HttpResponse | dict[str, Any]:
    me = person(request)
    form = ContactForm(request.POST, prefix="contact", instance=ContactMethod(user=me))
    if form.is_valid() and me.contact_methods.count() >= MOST_CONTACTS:
        form.add_error(None, f"At most {MOST_CONTACTS} ways.")
    if not form.is_valid():
        return shown(request, contact=form)
    editing.save(form.save(commit=False), me)
    messages.success(request, f"You are told by {form.instance.channel} too.")
    return redirect(BACK)


@require_POST
@permission_required(READ)
def forget(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(ContactMethod, pk=pk, user=person(request))
    editing.delete(found, person(request))
    messages.success(request, f"You are not told by {found.channel} any more.")
    return redirect(BACK)
