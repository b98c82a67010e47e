"""Words and signs of notifications: {% load notifications %}."""

from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from aiops.plugins import PluginError
from aiops.templatetags.ui import ago, duration, icon
from monitoring.notifications.channels.base import channel_class
from monitoring.notifications.deliveries import SIGNS

register = template.Library()


@register.simple_tag
def delivery_state(delivery: Any) -> SafeString:
    """As icon and word."""
    sign, tone, word = SIGNS[delivery.status]
    return format_html('<span class="pill"><span class="{}">{}</span>{}</span>', tone, icon(sign), word)


@register.simple_tag
def delivery_sign(delivery: Any) -> SafeString:
    """As an icon alone."""
    sign, tone, word = SIGNS[delivery.status]
    return format_html('<span class="{}">{}</span>', tone, icon(sign, word))


@register.simple_tag
def channel_icon(kind: str) -> SafeString:
    try:
        return icon(channel_class(kind).icon, "", "icon-14")
    except PluginError:
        return icon("unknown", "", "icon-14")


@register.filter
def delay(seconds: float) -> str:
    """From when something fires: "At once", "After 10 min"."""
    return "At once" if seconds < 1 else f"After {duration(seconds)}"


@register.filter
def milliseconds(value: Any) -> str:
    return duration(float(value) / 1000)


@register.filter
def initials(name: str) -> str:
    words = name.replace(".", " ").split()
    return ((words[0][0] + words[-1][0]) if len(words) > 1 else name[:2]).upper()


@register.filter
def again(at: Any) -> SafeString | str:
    """When the next attempt comes."""
    return ago(at) if at > timezone.now() else "due now"


@register.filter
def waits(seconds: int) -> str:
    return duration(seconds, 2) if seconds else "at once"
