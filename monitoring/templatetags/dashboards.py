"""Words and signs of resources: {% load dashboards %}."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import orjson
from django import template
from django.urls import reverse
from django.utils.safestring import SafeString

from accounts.permissions import can
from aiops.templatetags.ui import meter
from monitoring.dashboards import kinds
from monitoring.inventory.models import Resource

register = template.Library()
MOST = 6  # queries that a link to the explorer carries


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


@register.simple_tag
def explore_address(panel: Any, resource: Any) -> str:
    """The explorer with the metrics of a chart, of one resource; "" where it cannot be said by its labels."""
    queries = _queries(panel, resource)
    return f"{reverse('explorer')}?{urlencode([('q', query) for query in queries])}" if queries else ""


@register.simple_tag(takes_context=True)
def rule_address(context: template.Context, panel: Any, resource: Any) -> str:
    """A new rule on the first metric of a chart; "" where it cannot be said, or the person may not."""
    queries = _queries(panel, resource)
    if not queries or not can(context.get("user"), "rules:write"):
        return ""
    return f"{reverse('rule-new')}?{urlencode({'expr': queries[0]})}"


def _queries(panel: Any, resource: Any) -> list[str]:
    instance = resource.labels.get("instance") if isinstance(resource, Resource) else None
    if not instance:
        return []
    which = {"instance": instance} | ({"uuid": resource.labels["uuid"]} if resource.labels.get("uuid") else {})
    inner = ", ".join(f"{name}={orjson.dumps(value).decode()}" for name, value in which.items())
    return [f"rate({metric}{{{inner}}}[5m])" if metric.endswith("_total") else f"{metric}{{{inner}}}" for metric in panel.metrics[:MOST]]
