"""One call, from the question as it was put to the row that says what came of it."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from accounts.models import User
from genai import budgets, caching, chain, costs, shaping
from genai.answer import Answer
from genai.chain import Link, Told
from genai.masking import Mask, Unmasking
from genai.masking_patterns import SECRETS
from genai.models import Completion, PromptVersion
from genai.providers.base import Ask, Message, ToolCall, ToolSpec
from genai.tracing import record
from genai.tracing.models import AgentRun
from genai.tracing.record import StepRecord

Outcome = Completion.Outcome
BRACKETS = re.compile(r"\\u27[eE][67]")
KEPT = 20_000  # characters of a prompt and of an answer in the log
SHORTENED = "What was asked is longer than the model reads; the middle of its longest texts was left out."


@dataclass
class Call:
    purpose: str
    version: PromptVersion | None
    messages: Sequence[Message]
    user: User | None
    run: AgentRun | None
    tools: tuple[ToolSpec, ...]
    schema: Mapping[str, Any] | None
    on_text: Callable[[str], None] | None
    stopped: Callable[[], bool] | None
    cache: bool
    max_tokens: int
    links: Sequence[Link]
    mask: Mask = field(default_factory=Mask)
    began: float = field(default_factory=time.monotonic)
    asked: list[Message] = field(default_factory=list)  # masked
    told: Told | None = None
    repaired: bool = False

    def answer(self) -> Answer:
        self.asked = [self._masked(one) for one in self._shaped()]
        key = caching.key_of([link.row for link in self.links], self.asked, self.tools, self.schema, self.max_tokens) if self.cache else ""
        if key and (kept := caching.find(key)) is not None and (found := self._from_cache(kept)) is not None:
            return found
        try:
            reserved = self._reserve()
        except budgets.Exceeded as fault:
            return self._end(Outcome.BUDGET, reason=str(fault))
        try:
            found = self._ask()
        finally:
            told = self.told
            budgets.settle(reserved, told.tokens_in + told.tokens_out if told else 0, told.cost if told else Decimal(0))
        if key and found.outcome == Outcome.OK and self.told is not None and self.told.link is not None:
            row = self.told.link.row
            caching.keep(key, self.told.heard.text, self.told.heard.tool_calls, row.name, row.model)
        return found

    # -- what is asked -----------------------------------------------------------------------------------------------------
    def _shaped(self) -> list[Message]:
        """The schema stands at the end of the system's words: many systems take only one such message, and only at the beginning."""
        messages = list(self.messages)
        if self.schema is None:
            return messages
        told = shaping.instruction(self.schema)
        if messages and messages[0].role == "system":
            return [replace(messages[0], content=f"{messages[0].content}\n\n{told.content}"), *messages[1:]]
        return [told, *messages]

    def _masked(self, message: Message) -> Message:
        calls = tuple(replace(call, arguments=self.mask.mask(call.arguments)) for call in message.tool_calls)
        return replace(message, content=self.mask.mask(message.content), tool_calls=calls)

    def _reserve(self) -> budgets.Reserved:
        read = costs.tokens_asked(self.asked, self.tools)
        dollars = chain.dearest(self.links, read, self.max_tokens)
        return budgets.reserve(self.purpose, self.user.pk if self.user else None, read + self.max_tokens, dollars)

    def _question(self, messages: Sequence[Message]) -> Ask:
        return Ask("", messages, self.tools, self.schema, self.max_tokens)

    # -- asking ------------------------------------------------------------------------------------------------------------
    def _ask(self) -> Answer:
        unmasking = Unmasking(self.mask)
        self.told = chain.ask(self.links, self._question(self.asked), self._teller(unmasking), self.stopped)
        if self.on_text is not None and (rest := unmasking.flush()):
            self.on_text(rest)
        return self._judged()

    def _teller(self, unmasking: Unmasking) -> Callable[[str], None] | None:
        on_text, run = self.on_text, self.run
        if on_text is None:
            return None

        def tell(piece: str) -> None:
            if run is not None:
                record.beat(run)
            if ready := unmasking.feed(piece):
                on_text(ready)

        return tell

    def _judged(self) -> Answer:
        assert self.told is not None
        heard = self.told.heard
        if heard.stopped:
            return self._end(Outcome.STOPPED, reason="It was stopped before it was whole.")
        if heard.fault is not None:
            half = bool(heard.text.strip())
            return self._end(Outcome.CUT if half else Outcome.FAILED, reason=self._why(heard.fault.message))
        if self.schema is not None and not heard.tool_calls:
            return self._fitted()
        if heard.finish == "length":
            return self._end(Outcome.CUT, reason=f"The answer reached its limit of {self.max_tokens:,} tokens.")
        return self._end(Outcome.OK, reason=SHORTENED if self.told.shortened else "")

    def _why(self, message: str) -> str:
        """Of all that were tried, by name."""
        tried = self.told.attempts if self.told else []
        names = list(dict.fromkeys(one["provider"] for one in tried))
        last = {one["provider"]: one["error"] for one in tried}
        return " ".join(f"{name}: {last[name]}" for name in names)[:500] or message

    def _fitted(self) -> Answer:
        """Read and held against the schema; what does not fit is asked for once more."""
        try:
            return self._end(Outcome.OK, data=shaping.read(self._text(), self.schema or {}))
        except shaping.Misfit as fault:
            misfit = fault
        first = self._repair(misfit)
        try:
            data = shaping.read(self._text(), self.schema or {})
        except shaping.Misfit as fault:
            return self._end(Outcome.INVALID, reason=f"What the model wrote does not fit, also when asked again: {fault}"[:500])
        self.repaired = True
        return self._end(Outcome.OK, data=data, reason=f"It fitted when asked again; first: {first}"[:500])

    def _text(self) -> str:
        return self.told.heard.text if self.told else ""

    def _repair(self, misfit: shaping.Misfit) -> shaping.Misfit:
        before = self.told
        assert before is not None
        again = [*self.asked, *shaping.once_more(before.heard.text, misfit)]
        links = [link for link in self.links if before.link is None or link.row.pk == before.link.row.pk]
        after = chain.ask(links, self._question(again), None, self.stopped)
        after.tokens_in += before.tokens_in
        after.tokens_out += before.tokens_out
        after.cost += before.cost
        after.attempts = before.attempts + after.attempts
        after.estimated = after.estimated or before.estimated
        self.told = after
        return misfit

    # -- what came of it -----------------------------------------------------------------------------------------------------
    def _from_cache(self, kept: Mapping[str, Any]) -> Answer | None:
        """None where what was kept does not fit any more: it is asked again."""
        text = str(kept.get("text", ""))
        try:
            data = shaping.read(text, self.schema) if self.schema is not None and not kept.get("tool_calls") else None
        except shaping.Misfit:
            return None
        calls = tuple(ToolCall(*map(str, one)) for one in kept.get("tool_calls", []))
        if self.on_text is not None and text:
            self.on_text(self.mask.shown(text))
        return self._end(Outcome.CACHED, data=data, text=text, calls=calls, kept=kept)

    def _end(
        self, outcome: str, reason: str = "", data: Any = None, text: str | None = None, calls: tuple[ToolCall, ...] | None = None,
        kept: Mapping[str, Any] | None = None,
    ) -> Answer:  # fmt: skip
        """The row, and the answer as whoever asked gets it."""
        told = self.told or Told(chain.Heard())
        text = told.heard.text if text is None else text
        calls = told.heard.tool_calls if calls is None else calls
        row = self._row(outcome, reason, text, calls, told, kept or {})
        self._tell_findings()
        unmasked = tuple(replace(one, arguments=self.mask.shown(_plain(one.arguments))) for one in calls)
        return Answer(
            outcome, self.mask.shown(text), self._shown(data), unmasked, reason, row.pk, row.provider_name, row.model, row.tokens_in,
            row.tokens_out, row.cost, row.latency_ms, self.mask.found,
        )  # fmt: skip

    def _row(self, outcome: str, reason: str, text: str, calls: Sequence[ToolCall], told: Told, kept: Mapping[str, Any]) -> Completion:
        spent = round((time.monotonic() - self.began) * 1000)
        provider = told.link.row if told.link else None
        written = "\n".join([text, *(f"→ {call.name}({call.arguments})" for call in calls)]).strip()
        return Completion.objects.create(
            purpose=self.purpose[:60], prompt_version=self.version, provider=provider, user=self.user, run=self.run,
            provider_name=str(provider.name if provider else kept.get("provider", ""))[:150],
            model=str(provider.model if provider else kept.get("model", ""))[:200],
            started_at=timezone.now() - timedelta(milliseconds=spent), latency_ms=spent, first_token_ms=told.heard.first_ms,
            tokens_in=told.tokens_in, tokens_out=told.tokens_out, estimated=told.estimated, cost=told.cost, outcome=outcome,
            error=_storable(reason, 500), attempts=told.attempts, repaired=self.repaired, masked=self.mask.found,
            prompt=_storable("\n\n".join(f"{one.role}:\n{one.content}" for one in self.asked), KEPT), answer=_storable(written, KEPT),
        )  # fmt: skip

    def _shown(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.mask.shown(value)
        if isinstance(value, list):
            return [self._shown(one) for one in value]
        return {self.mask.shown(key): self._shown(one) for key, one in value.items()} if isinstance(value, dict) else value

    def _tell_findings(self) -> None:
        """What was hidden is said once of each execution: of a kind that was told of the same object before, not even looked up."""
        run, hidden = self.run, set(self.mask.found)
        if run is None or not hidden:
            return
        told: set[str] = vars(run).setdefault("hidden_kinds", set())
        for kind, severity, kinds in (("secret", "medium", hidden & SECRETS), ("personal", "low", hidden - SECRETS)):
            if kinds - told:
                where = f"what the model was told for {self.purpose}"
                record.finding(run, kind, where, ", ".join(sorted(kinds)), "masked before it was sent", severity)
        told |= hidden

    def tell(self, step: StepRecord, answer: Answer) -> None:
        """To the execution's step."""
        step.tokens_in, step.tokens_out, step.cost = answer.tokens_in, answer.tokens_out, answer.cost
        step.result = self._text() if self.told else ""
        step.detail = " · ".join(filter(None, [answer.model or "no model", str(Outcome(answer.outcome).label).lower(), answer.reason]))
        if answer.outcome == Outcome.BUDGET:
            step.refuse(answer.reason)
        elif answer.outcome in (Outcome.FAILED, Outcome.INVALID):
            step.fail("")
        if self.run is not None and self.schema is not None and answer.outcome in (Outcome.OK, Outcome.INVALID):
            score = 0.0 if answer.outcome == Outcome.INVALID else 0.5 if self.repaired else 1.0
            record.evaluate(self.run, "schema", score, "fitted when asked again" if score == 0.5 else "")


def _plain(arguments: str) -> str:
    """JSON may write the brackets of a placeholder as escapes."""
    return BRACKETS.sub(lambda found: "⟦" if found[0][-1] == "6" else "⟧", arguments)


def _storable(text: str, most: int) -> str:
    """PostgreSQL keeps no NUL."""
    text = text.replace("\0", "")
    return text if len(text) <= most else f"{text[: most - 1]}…"
