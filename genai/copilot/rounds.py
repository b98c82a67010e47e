"""The rounds between a model and the tools: it asks for some, they are called with the asker's rights, it reads what came, until it
answers or its steps or tokens are used up; then it answers with what there is.

A model decides nothing but which question to ask next. What it may ask, of whom, and how often is decided here and in tools.call.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.conf import settings

from genai.answer import Answer
from genai.complete import complete
from genai.copilot import acting, history, hyde
from genai.copilot.models import Turn
from genai.copilot.toolbox import Question, Toolbox, described
from genai.providers.base import Message, ToolCall, ToolSpec
from genai.tools import catalogue
from genai.tools.base import ToolError
from genai.tracing import record

PURPOSE = "copilot"
MOST_CALLS = 4  # of one round
LONGEST_ANSWER = 1500  # tokens
NOW_ANSWER = "(No more tools can be asked for this answer. Answer now with what was found, and say what is missing.)"
ASKED_BEFORE = "This was asked before in the same words; its answer is above."
TOO_MANY = f"At most {MOST_CALLS} tools are asked at a time; ask this again if it is still needed."
NOTHING = "The model answered with nothing."
STOPPED = "Stopped."


class Made(NamedTuple):
    """An answer as it came: not checked yet. `allowed`: the evidence it may cite."""

    text: str
    state: str
    reason: str = ""
    model: str = ""
    allowed: frozenset[int] = frozenset()


@dataclass
class Rounds:
    question: Question
    box: Toolbox
    messages: list[Message]
    known: set[int]
    tools: Sequence[ToolSpec]
    tokens: int = 0
    model: str = ""
    asked: set[tuple[str, str]] = field(default_factory=set)

    def run(self) -> Made:
        left = settings.COPILOT_STEPS
        while True:
            last = left <= 0 or self.tokens >= settings.COPILOT_TOKENS
            answer = self._ask(last)
            self.tokens += answer.tokens_in + answer.tokens_out
            self.model = answer.model or self.model
            if last or not answer.whole or not answer.tool_calls or self.question.stopped():
                return self._made(answer)
            self.question.progress.replace("")  # what it thought aloud before it asked is not the answer
            self._use(answer)
            left -= 1

    def _ask(self, last: bool) -> Answer:
        messages = [*self.messages, Message("user", NOW_ANSWER)] if last else self.messages
        return complete(
            PURPOSE, variables=history.variables(self.question, settings.COPILOT_STEPS), messages=history.fitted(messages),
            user=self.question.turn.conversation.user, run=self.question.run, tools=() if last else self.tools,
            on_text=self.question.progress.write, stopped=self.question.stopped, cache=False, max_tokens=LONGEST_ANSWER,
        )  # fmt: skip

    def _made(self, answer: Answer) -> Made:
        allowed = frozenset(self.box.allowed | self.known)
        if answer.outcome == "stopped" or self.question.stopped():
            return Made(answer.text, Turn.State.STOPPED, STOPPED, self.model, allowed)
        if answer.whole and answer.text.strip():
            return Made(answer.text, Turn.State.DONE, "", self.model, allowed)
        if answer.whole:
            return Made("", Turn.State.FAILED, NOTHING, self.model, allowed)
        if answer.text.strip():
            return Made(answer.text, Turn.State.CUT, answer.reason, self.model, allowed)
        return Made("", Turn.State.FAILED, answer.reason, self.model, allowed)

    # -- tools -----------------------------------------------------------------------------------------------------------
    def _use(self, answer: Answer) -> None:
        self.messages.append(Message("assistant", answer.text, tool_calls=answer.tool_calls))
        for at, call in enumerate(answer.tool_calls):
            told = self._answer(call) if at < MOST_CALLS and not self.question.stopped() else TOO_MANY
            self.messages.append(Message("tool", told, tool_call_id=call.id))

    def _answer(self, call: ToolCall) -> str:
        """What the model is told: what the tool found, quoted, or one sentence."""
        if (call.name, call.arguments) in self.asked:
            return ASKED_BEFORE
        self.asked.add((call.name, call.arguments))
        if call.name == acting.WRITES and not acting.asked_for(self.question.text):
            return self._refused(call, acting.NOT_ASKED)
        try:
            return self.box.use(call.name, hyde.widened(call, self.question)).text
        except ToolError as fault:
            return f"Error: {fault.sentence}"

    def _refused(self, call: ToolCall, reason: str) -> str:
        """Asked for an act that the person did not ask for: a finding."""
        run, progress = self.question.run, self.question.progress
        n = progress.step(call.name, described(call.arguments))
        with record.step(run, "tool", call.name[:100], arguments={"asked": call.arguments[:500]}) as step:
            step.refuse(reason)
            record.finding(
                run, "misuse", f"tool {call.name[:100]}", call.arguments[:200], f"refused: {reason}"[:300], "high", step=step.row
            )
        progress.step_ended(n, "refused", f"refused: {reason}", 0)
        return f"Error: refused, {reason}"


def answer(question: Question) -> Made:
    before, known = history.earlier(question)
    tools = [one for one in catalogue.specs(question.actor) if one.name != acting.WRITES or acting.asked_for(question.text)]
    return Rounds(question, Toolbox(question), [*before, Message("user", question.text)], known, tools).run()
