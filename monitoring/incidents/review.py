"""The review after an incident: Markdown that a person wrote, as HTML that cannot do harm."""

from functools import cache

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

from monitoring.incidents.models import Incident

TAGS = {
    "p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "s", "del", "code", "pre", "blockquote", "ul", "ol", "li", "a",
    "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
TEMPLATE = """## What happened

## What it did to whom

## Why it happened

## What helped

## What we do so that it does not happen again

- [ ]
"""


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def html(text: str) -> SafeString:
    """No images, scripts, styles; links open without telling where they come from. Headings begin below the page's own."""
    clean = nh3.clean(
        _lowered(_parser().render(text)),
        tags=TAGS,
        attributes={"a": {"href", "title"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return mark_safe(clean)  # noqa: S308 - cleaned above


def _lowered(rendered: str) -> str:
    for level in (5, 4, 3, 2, 1):
        for sign in ("<h", "</h"):
            rendered = rendered.replace(f"{sign}{level}>", f"{sign}{min(level + 2, 6)}>")
    return rendered


def draft(incident: Incident) -> str:
    """What somebody who begins to write finds."""
    return incident.notes_md or TEMPLATE
