"""Words and signs of resources: {% load dashboards %}."""

from collections.abc import Mapping

from django import template
from django.utils.safestring import SafeString

from aiops.templatetags.ui import meter
from monitoring.dashboards import kinds

register = template.Library()


@register.filter
def status_of(status: str) -> kinds.Status:
    return kinds.STATUSES.get(status, kinds.STATUSES["unknown"])


@register.filter
def kind_of(kind: str) -> str:
    return kinds.kind(kind).one


@register.filter
def source_name(pk: int | None, names: Mapping[str, str]) -> str:
    return names.get(str(pk), "–")


@register.simple_tag
def share_meter(part: float, whole: float) -> SafeString:
    """A bar of how much `part` is of `whole`, without colours that warn."""
    return meter(100 * part / whole if whole else 0, None, 101, 101)
