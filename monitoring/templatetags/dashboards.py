"""Words and signs of resources: {% load dashboards %}."""

from collections.abc import Mapping

from django import template

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
