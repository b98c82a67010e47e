"""Rules in a list: what each does and how noisy it is; switching many at once; the rows behind every number."""

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from accounts.authentication import person
from accounts.permissions import can, permission_required
from monitoring.alerts import editing, rule_noise
from monitoring.alerts.models import AlertRule
from monitoring.alerts.rule_list import Listing, days_of

READ, WRITE = "monitoring:read", "rules:write"
ROWS_PER_PAGE = 100
MOST_AT_ONCE = 10_000


@require_GET
@permission_required(READ)
def rules(request: HttpRequest) -> HttpResponse:
    found = Listing(request.GET)
    column, descending = found.sort
    context = {
        "listing": found, "page": found.page(), "facets": found.facets(), "chips": found.chips(), "column": column,
        "descending": descending, "days": found.days, "all_days": rule_noise.DAYS, "measures": rule_noise.MEASURES,
        "total": len(found.everything), "firing": sum(row.firing > 0 for row in found.everything),
        "failing": sum(row.state == "failing" for row in found.everything), "noisy": sum(row.noise.noisy for row in found.everything),
        "off": sum(not row.rule.enabled for row in found.everything), "may_write": can(request.user, WRITE), "live": True,
        "live_topics": "alerts",
    }  # fmt: skip
    return render(request, "monitoring/alerts/rules.html", context)


@require_POST
@permission_required(WRITE)
def switch(request: HttpRequest) -> HttpResponse:
    """Switches rules on or off: `rule` once or many times, `to` = on or off; or `one` = 12:off, of a row's own button."""
    given, to = request.POST.getlist("rule"), request.POST.get("to", "")
    if one := request.POST.get("one", ""):
        number, _, to = one.partition(":")
        given = [number]
    if to not in ("on", "off"):
        raise BadRequest("to is on or off.")
    changed = editing.switch(ids_of(given), to == "on", person(request))
    messages.success(request, f"{_rules(len(changed))} switched {to}.")
    return redirect(_back(request))


def ids_of(given: list[str]) -> list[int]:
    """BadRequest for none, too many, or what is no id."""
    if not 0 < len(given) <= MOST_AT_ONCE or not all(text.isdecimal() and len(text) <= 18 for text in given):
        raise BadRequest(f"rule is a rule's number, given from 1 to {MOST_AT_ONCE:,} times.")
    return [int(text) for text in given]


def _rules(count: int) -> str:
    return "1 rule" if count == 1 else f"{count:,} rules"


def _back(request: HttpRequest) -> str:
    """Where the person came from, when that is a page of ours."""
    to = request.POST.get("next", "")
    return to if to.startswith("/") and url_has_allowed_host_and_scheme(to, allowed_hosts=None) else "rules"


@require_GET
@permission_required(READ)
def counted(request: HttpRequest, pk: int) -> HttpResponse:
    """The rows that one number of a rule's noise counts."""
    rule = get_object_or_404(AlertRule.objects.select_related("group"), pk=pk)
    of, days = request.GET.get("of", "fires"), days_of(request.GET)
    if of not in rule_noise.MEASURES:
        raise BadRequest(f"of must be one of {', '.join(rule_noise.MEASURES)}, not {of[:20]!r}.")
    rows = Paginator(rule_noise.counted(rule.pk, of, days), ROWS_PER_PAGE).get_page(request.GET.get("page"))
    noise = rule_noise.of_rules(days, rule.pk).get(rule.pk, rule_noise.NONE)
    context = {
        "rule": rule, "of": of, "days": days, "all_days": rule_noise.DAYS, "page": rows, "measure": rule_noise.MEASURES[of], "noise": noise,
    }  # fmt: skip
    return render(request, "monitoring/alerts/rule_counted.html", context)
