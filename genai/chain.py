"""The models that may be asked, in their order: the next one where one fails, none that just failed again and again.

What decides whether another model is asked: as long as nobody has been shown a word of an answer, it may begin anew elsewhere; after
that, half an answer is half an answer and is marked so.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from threading import Lock
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from aiops.breaker import Breaker
from aiops.plugins import PluginError
from genai import costs
from genai.listening import POLL, Heard, OnText, Stopped, listen
from genai.models import ModelProvider
from genai.providers.base import Ask, LanguageModel, Limits, Message, ModelError, provider_class

TRIES = 3  # of one model, where it says when to come back or has a passing fault
BACKOFF = 0.5  # seconds before the second try of one that does not say when
THRESHOLD, COOLDOWN = 4, 30.0
WORTH_RETRYING = frozenset({"limited", "unavailable"})
ITS_OWN = frozenset({"unauthorised", "missing", "unavailable", "unreachable", "stalled", "late", "cut", "unreadable", "empty"})
FOR_AN_ADMIN = frozenset({"unauthorised", "missing"})  # shown as its health until somebody checks it anew or it works
USED_EVERY = 60.0  # seconds between two notes of when it was used last
KNOWN, KNOWN_SECONDS = "genai:available", 3

_breakers: dict[int, Breaker] = {}
_used: dict[int, float] = {}
_lock = Lock()


@dataclass
class Link:
    row: ModelProvider
    model: LanguageModel

    @property
    def breaker(self) -> Breaker:
        with _lock:
            return _breakers.setdefault(self.row.pk, Breaker(THRESHOLD, COOLDOWN))

    @property
    def context(self) -> int:
        """Tokens; 0: not known."""
        return int(self.model.config.get("context_tokens") or 0)

    def limits(self, left: float) -> Limits:
        idle = self.model.config.get("idle_seconds") or settings.LLM_IDLE_SECONDS
        return Limits(settings.LLM_CONNECT_SECONDS, float(idle), left)


@dataclass
class Told:
    """What the chain came to. Tokens and cost are of all tries that got as far as an answer."""

    heard: Heard
    link: Link | None = None
    attempts: list[dict[str, Any]] = field(default_factory=list)
    tokens_in: int = 0
    tokens_out: int = 0
    cost: Decimal = Decimal(0)
    estimated: bool = False
    shortened: bool = False


def links() -> list[Link]:
    """Those that are switched on and whose kind is installed."""
    found = []
    for row in ModelProvider.objects.filter(enabled=True):
        try:
            found.append(Link(row, provider_class(row.kind)(row.config, row.secrets)))
        except PluginError:
            continue
    return found


def available() -> bool:
    known = cache.get(KNOWN)
    if known is None:
        known = ModelProvider.objects.filter(enabled=True).exists()
        cache.set(KNOWN, known, KNOWN_SECONDS)
    return bool(known)


def forget(pk: int | None = None) -> None:
    """After a change: whether there is one is looked up anew, and one that was left alone is asked again."""
    cache.delete(KNOWN)
    with _lock:
        for held in (_breakers, _used):
            held.clear() if pk is None else held.pop(pk, None)


def dearest(chain: Sequence[Link], tokens_in: int, tokens_out: int) -> Decimal:
    return max((costs.price(link.row, tokens_in, tokens_out) for link in chain), default=Decimal(0))


# -- asking ------------------------------------------------------------------------------------------------------------
def ask(chain: Sequence[Link], question: Ask, on_text: OnText | None = None, stopped: Stopped | None = None) -> Told:
    """`question.model` is set to each one's own. Raises nothing that models do."""
    told = Told(Heard(fault=ModelError("No model is left to ask.", "unreachable")))
    until = time.monotonic() + settings.LLM_TOTAL_SECONDS
    shown = _Shown(on_text)
    for link in chain:
        if not link.breaker.allows():
            _failed(told, link, f"Left alone for {COOLDOWN:.0f} seconds after {link.breaker.failures} failures.", 0)
            continue
        if _ask_one(told, link, question, until, shown, stopped) or time.monotonic() >= until:
            break
    if told.heard.fault is not None and told.heard.fault.fault == "unreachable" and told.link is None and told.attempts:
        told.heard.fault = ModelError(told.attempts[-1]["error"], "unreachable")
    return told


@dataclass
class _Shown:
    """Hands text on and remembers that somebody saw it."""

    on_text: OnText | None
    any: bool = False

    def __call__(self, text: str) -> None:
        if self.on_text is not None:
            self.any = True
            self.on_text(text)


def _ask_one(told: Told, link: Link, question: Ask, until: float, shown: _Shown, stopped: Stopped | None) -> bool:
    """Whether that is the end of it."""
    fitting, told.shortened = _fitting(question, link)
    on_text = shown if shown.on_text else None
    for number in range(TRIES):
        began = time.monotonic()
        if began >= until:
            return True
        heard = listen(link.model, replace(fitting, model=link.row.model, limits=link.limits(until - began)), on_text, stopped)
        _count(told, link, fitting, heard)
        if heard.fault is None:
            told.heard, told.link = heard, link
            _worked(link, heard)
            return True
        _blame(link, heard.fault)
        _failed(told, link, heard.fault.message, round((time.monotonic() - began) * 1000))
        if told.link is None or len(heard.text) >= len(told.heard.text):  # the longest half is the best there is
            told.heard, told.link = heard, link
        pause = None if shown.any else _pause(heard.fault, number, until)
        if pause is None:
            return shown.any
        if not _slept(pause, stopped):
            told.heard = replace(heard, stopped=True)
            return True
    return False


def _count(told: Told, link: Link, question: Ask, heard: Heard) -> None:
    """What systems charge for: nothing where no word came and nothing was counted."""
    if heard.usage is not None:
        read, written = heard.usage.tokens_in, heard.usage.tokens_out
    elif heard.text or heard.tool_calls:
        read = costs.tokens_asked(question.messages, question.tools)
        written = costs.tokens_of(heard.text) + sum(costs.tokens_of(call.name + call.arguments) for call in heard.tool_calls)
        told.estimated = True
    else:
        return
    told.tokens_in, told.tokens_out = told.tokens_in + read, told.tokens_out + written
    told.cost += costs.price(link.row, read, written)


def _worked(link: Link, heard: Heard) -> None:
    if not heard.stopped:
        link.breaker.succeeded()
        _note_use(link.row)


def _blame(link: Link, fault: ModelError) -> None:
    """What is the model's own fault counts against it; what only an administrator can mend shows as its health."""
    if fault.fault in ITS_OWN:
        link.breaker.failed()
    if fault.fault in FOR_AN_ADMIN and not link.row.check_error:
        link.row.check_error = fault.message[:500]
        ModelProvider.objects.filter(pk=link.row.pk).update(check_error=link.row.check_error, checked_at=timezone.now())


def _note_use(row: ModelProvider) -> None:
    now = time.monotonic()
    if now - _used.get(row.pk, -USED_EVERY) >= USED_EVERY or row.check_error:
        _used[row.pk] = now
        cleared = {"check_error": "", "checked_at": timezone.now()} if row.check_error else {}
        ModelProvider.objects.filter(pk=row.pk).update(last_used=timezone.now(), **cleared)


def _failed(told: Told, link: Link, error: str, spent: int) -> None:
    told.attempts.append({"provider": link.row.name, "error": error[:300], "ms": spent})


def _pause(fault: ModelError, number: int, until: float) -> float | None:
    """Seconds until the same model is asked again; None: the next one is."""
    if fault.fault not in WORTH_RETRYING or number + 1 >= TRIES:
        return None
    wait = fault.retry_after if fault.retry_after is not None else BACKOFF * 2**number
    return wait if wait <= settings.LLM_WAIT_SECONDS and time.monotonic() + wait < until else None


def _slept(seconds: float, stopped: Callable[[], bool] | None) -> bool:
    """False when somebody stopped it meanwhile."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if stopped is not None and stopped():
            return False
        time.sleep(left if stopped is None else min(left, POLL))
    return True


# -- too long --------------------------------------------------------------------------------------------------------------
def _fitting(question: Ask, link: Link) -> tuple[Ask, bool]:
    """What a model reads at once, where that is known: the longest texts lose their middle until it fits. The system's words stay."""
    room = link.context - question.max_tokens
    if not link.context or costs.tokens_asked(question.messages, question.tools) <= room:
        return question, False
    messages = list(question.messages)
    for _ in range(50):
        over = costs.tokens_asked(messages, question.tools) - room
        place = max(range(len(messages)), key=lambda at: len(messages[at].content) * (messages[at].role != "system"))
        if over <= 0 or len(messages[place].content) < 400 or messages[place].role == "system":
            break
        messages[place] = _shorter(messages[place], over)
    return replace(question, messages=messages), True


def _shorter(message: Message, tokens: int) -> Message:
    text = message.content
    drop = min(int(tokens * costs.BYTES_PER_TOKEN) + 60, len(text) // 2)
    kept = (len(text) - drop) // 2
    return replace(message, content=f"{text[:kept]}\n[left out: {drop:,} characters]\n{text[len(text) - kept :]}")


def health() -> Mapping[str, str]:
    """{name: state of its circuit} of those that are left alone in this process."""
    names = dict(ModelProvider.objects.filter(enabled=True).values_list("pk", "name"))
    with _lock:
        return {names[pk]: found.state for pk, found in _breakers.items() if pk in names and found.state != "closed"}
