"""The one door to any language model: mask → budget → cache → call → validate → trace.

Every feature calls `complete` and nothing else. Never inside a transaction: it takes as long as a model does.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from accounts.models import User
from genai import chain, prompting
from genai.answer import Answer
from genai.asking import Call
from genai.models import Completion, PromptVersion
from genai.providers.base import Message, ToolSpec
from genai.tracing import record
from genai.tracing.models import AgentRun

NO_MODEL = "No language model is set up: this comes from computed facts alone. A model would put it into words and answer free questions."


def available() -> bool:
    """Whether any model is switched on. Cheap: looked up every few seconds."""
    return chain.available()


def why_not() -> str:
    """One line for pages: what a model would add. Empty where there is one."""
    return "" if available() else NO_MODEL


def complete(
    purpose: str,
    *,
    variables: Mapping[str, str] | None = None,
    messages: Sequence[Message] | None = None,
    user: User | None = None,
    run: AgentRun | None = None,
    tools: Sequence[ToolSpec] = (),
    schema: Mapping[str, Any] | None = None,
    on_text: Callable[[str], None] | None = None,
    stopped: Callable[[], bool] | None = None,
    cache: bool = True,
    max_tokens: int = 1024,
) -> Answer:
    """Asks the first model that answers. Raises nothing that models or their systems do: `outcome` and `reason` of the answer say it.

    `variables` fill the prompt in use for the purpose, `messages` follow it; messages that begin with a system message of their own need
    no prompt. `on_text` is given the text as it comes. With a `schema`, `data` of the answer fits it or the outcome says that it does
    not. Raises UnknownPurpose where there is neither a prompt nor a message.
    """
    links = chain.links()
    if not links:
        return Answer(Completion.Outcome.UNCONFIGURED, reason=NO_MODEL)
    version, asked = _words(purpose, variables, list(messages or []))
    call = Call(purpose, version, asked, user, run, tuple(tools), schema, on_text, stopped, cache, max_tokens, links)
    told = {"prompt": str(version) if version else "its own words", "messages": len(asked), "tools": len(tools)}
    with record.step(run, "model", purpose, arguments=told) as step:
        answer = call.answer()
        call.tell(step, answer)
    return answer


def _words(purpose: str, variables: Mapping[str, str] | None, messages: list[Message]) -> tuple[PromptVersion | None, list[Message]]:
    if variables is None and messages and messages[0].role == "system":
        return None, messages
    try:
        version = prompting.choose(purpose)
    except prompting.UnknownPurpose:
        if variables is not None or not messages:
            raise
        return None, messages
    return version, [*prompting.render(version, variables or {}), *messages]
