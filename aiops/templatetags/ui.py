"""The small parts every page is made of: icons, ages, numbers with units, sparklines, meters."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

NBSP, NONE = "\u00a0", "–"
UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


@cache
def _sprite() -> str:
    return static("icons.svg")


@register.simple_tag(name="sprite_url")
def sprite() -> str:
    """Address of the icon sheet; asked once per process, for a page holds hundreds of icons."""
    return static("icons.svg") if settings.DEBUG else _sprite()


@register.simple_tag
def icon(name: str, label: str = "", classes: str = "") -> SafeString:
    """An icon of the sprite; with a label it is an image to a screen reader, without one it is decoration."""
    return _icon(f"{sprite()}#i-{name}", label, f"icon {classes}".strip())


@lru_cache(4096)
def _icon(href: str, label: str, css: str) -> SafeString:
    """A page of rows holds hundreds of them, few of which differ."""
    if label:
        return format_html('<svg class="{}" role="img" aria-label="{}"><use href="{}"/></svg>', css, label, href)
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}"/></svg>', css, href)


# -- time ----------------------------------------------------------------------------------------------------------------
def as_moment(value: Any) -> datetime | None:
    """A datetime, or milliseconds since 1970, as an aware datetime in the reader's zone. None for no time."""
    if value is None or value == "":
        return None
    moment = value if isinstance(value, datetime) else datetime.fromtimestamp(float(value) / 1000, UTC)
    return timezone.localtime(moment if moment.tzinfo else timezone.make_aware(moment))


def _time(moment: datetime, text: str, live: str = "") -> SafeString:
    iso, full = moment.isoformat(timespec="seconds"), moment.strftime("%Y-%m-%d %H:%M:%S %Z")
    return format_html('<time datetime="{}" title="{}"{}>{}</time>', iso, full, mark_safe(live), text)  # noqa: S308 - one of our own literals


@register.filter
def duration(seconds: Any, parts: Any = 1) -> str:
    """90061 → "1 d", with 2 parts "1 d 1 h". Seconds or a timedelta."""
    total = _float(seconds.total_seconds() if hasattr(seconds, "total_seconds") else seconds)
    if total is None:
        return NONE
    if abs(total) < 1:
        return f"{total * 1000:.0f}{NBSP}ms" if total else f"0{NBSP}s"
    rest, words = int(abs(total)), []
    for unit, size in UNITS:
        count, rest = divmod(rest, size)
        if count:
            words.append(f"{count}{NBSP}{unit}")
    return ("-" if total < 0 else "") + " ".join(words[: int(parts)])


@register.filter
def ago(value: Any) -> SafeString | str:
    """Relative age that the page keeps counting: "3 min ago"."""
    moment = as_moment(value)
    if moment is None:
        return NONE
    seconds = (timezone.now() - moment).total_seconds()
    text = "now" if abs(seconds) < 1 else f"in {duration(-seconds)}" if seconds < 0 else f"{duration(seconds)} ago"
    return _time(moment, text, ' data-ago="ago"')


@register.filter
def age(value: Any) -> SafeString | str:
    """As ago, without the word: "3 min"."""
    moment = as_moment(value)
    if moment is None:
        return NONE
    return _time(moment, duration(max(1, (timezone.now() - moment).total_seconds())), ' data-ago="age"')


@register.filter
def clock(value: Any) -> SafeString | str:
    """Hour and minute; with the day where it is not today."""
    moment = as_moment(value)
    if moment is None:
        return NONE
    today = moment.date() == timezone.localtime().date()
    return _time(moment, moment.strftime("%H:%M" if today else "%-d %b %H:%M"))


@register.filter
def moment(value: Any) -> SafeString | str:
    """Absolute, to the second, in the reader's zone."""
    at = as_moment(value)
    return NONE if at is None else _time(at, at.strftime("%Y-%m-%d %H:%M:%S"))


@register.filter
def local_input(value: Any) -> str:
    """For <input type="datetime-local">: wall time in the reader's zone."""
    at = as_moment(value)
    return "" if at is None else at.strftime("%Y-%m-%dT%H:%M:%S")


# -- numbers -------------------------------------------------------------------------------------------------------------
def _float(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def significant(value: float) -> str:
    """Three figures at most: 0.042, 7.1, 71.3, 128, 1,284."""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    if size >= 1:
        return f"{value:.1f}".removesuffix(".0")
    return f"{value:.2g}" if size >= 0.0001 else f"{value:.1e}"


@register.filter
def number(value: Any, digits: Any = None) -> str:
    """Thousands with a comma; "–" for no value."""
    found = _float(value)
    if found is None:
        return NONE
    return significant(found) if digits is None else f"{found:,.{int(digits)}f}"


@register.filter
def percent(value: Any) -> str:
    """A percentage that is one already (0-100): "71.3 %"."""
    found = _float(value)
    return NONE if found is None else f"{significant(found)}{NBSP}%"


def _scaled(value: Any, unit: str, base: int, prefixes: str) -> str:
    found = _float(value)
    if found is None:
        return NONE
    step = 0
    while abs(found) >= base and step < len(prefixes):
        found, step = found / base, step + 1
    prefix = ("" if step == 0 else prefixes[step - 1]) + unit
    return f"{significant(found)}{NBSP}{prefix}" if prefix else significant(found)


@register.filter
def si(value: Any, unit: str = "") -> str:
    """1284000 with B/s → "1.3 MB/s"."""
    return _scaled(value, unit, 1000, "kMGTPE")


@register.filter(name="bytes")
def as_bytes(value: Any) -> str:
    return si(value, "B")


# -- marks ---------------------------------------------------------------------------------------------------------------
def spark_path(values: Sequence[float | None], width: int, height: int, top: float | None = None) -> str:
    """An SVG path through the values, scaled from the lowest to the highest, or from 0 to `top`; a missing value breaks the line."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if len(known) < 2:
        return ""
    low, high = (min(known), max(known)) if top is None else (0.0, max(top, *known))
    step, scale = width / (len(values) - 1), (height - 2) / ((high - low) or 1)
    out, pen = [], "M"
    for at, value in enumerate(values):
        if value is None or not math.isfinite(value):
            pen = "M"
            continue
        y = height / 2 if high == low else height - 1 - (value - low) * scale
        out.append(f"{pen}{at * step:.1f} {y:.1f}")
        pen = "L"
    return "".join(out)


@register.inclusion_tag("ui/_spark.html")
def spark(
    values: Sequence[float | None], label: str = "", quiet: bool = False, width: int = 72, height: int = 24, top: float | None = None
) -> dict[str, Any]:
    return {"path": spark_path(values, width, height, top), "label": label, "quiet": quiet, "width": width, "height": height}


@register.simple_tag
def meter(value: Any, tick: Any = None, warn: float = 80, bad: float = 95) -> SafeString:
    """A bar from 0 to 100; medium from `warn`, critical from `bad`; a mark at `tick`. The number stands beside it."""
    found = _float(value)
    if found is None:
        return mark_safe("")
    tone = " bad" if found >= bad else " warn" if found >= warn else ""
    mark = _float(tick)
    line = format_html('<path class="tick" d="M{} 0V6"/>', f"{min(99.0, max(0.0, mark)):.0f}") if mark is not None else ""
    return format_html(
        '<svg class="meter" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="6"/><rect class="fill{}" width="{}" height="6"/>{}</svg>',
        tone, f"{min(100.0, max(0.0, found)):.0f}", line,
    )  # fmt: skip


@register.simple_tag(takes_context=True)
def keep_params(context: template.Context, *but: str) -> SafeString:
    """Hidden fields that carry the page's state through a GET form, except the parameters the form itself sets."""
    pairs = [(name, value) for name, values in context["request"].GET.lists() if name not in but for value in values]
    return format_html_join("", '<input type="hidden" name="{}" value="{}">', pairs)


@register.simple_tag
def url_or_none(name: str, *args: Any) -> str:
    """An address that may not be mounted in this process; "" then."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


@register.simple_tag(takes_context=True)
def sort_link(context: template.Context, key: str, label: str, column: str, descending: bool, first: str = "") -> SafeString:
    """The heading of a sorted column: a link that turns the order round; `first` = most: the highest come first, icon: no word."""
    current = key == column
    turn = not descending if current else first == "most"
    query = context["request"].GET.copy()
    query["sort"] = f"-{key}" if turn else key
    query.pop("page", None)
    arrow = icon("dn" if descending else "up") if current else ""
    words = format_html('<span class="visually-hidden">{}</span>', label) if first == "icon" else label
    if first == "icon" and not current:
        arrow = icon("same")
    return format_html('<a href="?{}" title="Sort by {}">{}{}</a>', query.urlencode(), label.lower(), words, arrow)


@register.simple_tag
def share(part: Any, whole: Any) -> str:
    """part of whole as a percentage; it says 100 % only when it is all of it."""
    if not whole:
        return NONE
    return percent(math.floor(1000 * part / whole) / 10)


@register.filter
def ratio(value: Any) -> str:
    """0.42 → "42 %"."""
    found = _float(value)
    return NONE if found is None else percent(100 * found)


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """mapping[key], None where it is missing."""
    return mapping.get(key) if hasattr(mapping, "get") else None
