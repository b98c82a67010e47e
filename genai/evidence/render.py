"""An answer for the page: Markdown as HTML that cannot do harm, with numbered citations, and the box of sources below it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import nh3
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from accounts.permissions import can
from genai.evidence import claims, kinds
from genai.evidence.models import Evidence
from monitoring.incidents.review import TAGS

GUESS = "[guess]"
MOST = 200  # pieces of evidence in one text


@dataclass(frozen=True)
class Source:
    """One line of the box: `number` is the one in the text."""

    number: int
    evidence: Evidence
    icon: str
    url: str

    @property
    def against(self) -> bool:
        return self.evidence.holds is False


def html(text: str, actor: Any) -> SafeString:
    """No images, scripts or styles; links lead to our own pages only, what stands elsewhere stays text: a link is a way out for data."""
    shown = {one.evidence.pk: one for one in sources(text, actor)}
    tokens = _parser().parse(text, {"cited": shown})
    _unlink(tokens)
    rendered = _parser().renderer.render(tokens, _parser().options, {"cited": shown})
    clean = nh3.clean(
        rendered, tags=TAGS | {"span"}, attributes={"a": {"href", "class", "aria-label", "title"}, "span": {"class", "title"}},
        url_schemes=set(), link_rel=None,
    )  # fmt: skip
    return mark_safe(clean)  # noqa: S308 - cleaned above


def sources(text: str, actor: Any) -> list[Source]:
    """What a text cites and this person may see, numbered in the order of the text."""
    found = Evidence.objects.in_bulk(claims.cited(text)[:MOST])
    seen = [found[one] for one in claims.cited(text)[:MOST] if one in found and can(actor, found[one].permission)]
    return [Source(n, one, kinds.kind(one.kind).icon, reverse("evidence", args=[one.pk])) for n, one in enumerate(seen, 1)]


def sources_html(text: str, actor: Any) -> SafeString:
    """The box itself; empty where nothing is cited."""
    shown = sources(text, actor)
    return render_to_string("genai/evidence/_sources.html", {"sources": shown}) if shown else SafeString("")


# -- Markdown ------------------------------------------------------------------------------------------------------------
@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
    parser.inline.ruler.before("link", "evidence", _rule)
    parser.add_render_rule("evidence", _cite)
    parser.add_render_rule("guess", _guess)
    return parser


def _rule(state: StateInline, silent: bool) -> bool:
    """[E12], [E12, E13] and [guess]."""
    if state.src[state.pos] != "[":
        return False
    if state.src[state.pos : state.pos + len(GUESS)].lower() == GUESS:
        if not silent:
            state.push("guess", "", 0)
        state.pos += len(GUESS)
        return True
    match = claims.CITED.match(state.src, state.pos)
    if match is None:
        return False
    if not silent:
        state.push("evidence", "", 0).meta = {"ids": claims.cited(match[0])}
    state.pos = match.end()
    return True


def _cite(self: Any, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    """Who may not see a piece of evidence does not learn that there is one."""
    cited = [env["cited"][one] for one in tokens[at].meta["ids"] if one in env["cited"]]
    return "".join(
        format_html('<a class="cite" href="{}" aria-label="Source {}: {}">{}</a>', one.url, one.number, one.evidence.title, one.number)
        for one in cited
    )


def _guess(self: Any, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    return '<span class="tag tag-guess" title="Not supported by evidence">guess</span>'


def _unlink(tokens: Sequence[Token]) -> None:
    """Links that lead elsewhere become their text; images were never offered to the cleaner."""
    for token in tokens:
        kept, leaving = [], False
        for child in token.children or []:
            if child.type == "link_open":
                leaving = not own(str(child.attrGet("href") or ""))
            if not (leaving and child.type in ("link_open", "link_close")):
                kept.append(child)
            if child.type == "link_close":
                leaving = False
        if token.children is not None:
            token.children = kept


def own(href: str) -> bool:
    """A page of ours: neither another scheme nor another host, however it is written."""
    return href.startswith(("/", "?", "#")) and not href.lower().startswith(("//", "/\\", "/%5c"))
