"""Looks for what is written down not only by the question's words but by an answer as it might stand there (HyDE): a model writes it, and
nobody is shown it."""

import json

from genai.complete import complete
from genai.copilot.toolbox import Question
from genai.prompting import quote
from genai.providers.base import ToolCall

PURPOSE = "hyde"
TOOL, WORDS, PASSAGE = "search_knowledge", "query", "passage"
LONGEST = 200  # tokens
MOST = 1500  # characters


def widened(call: ToolCall, question: Question) -> str:
    """The call's arguments; of a search with a passage to look for, where the model writes one."""
    if call.name != TOOL:
        return call.arguments
    try:
        given = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return call.arguments
    if not isinstance(given, dict) or not isinstance(given.get(WORDS), str) or given.get(PASSAGE):
        return call.arguments
    passage = imagined(given[WORDS], question)
    return json.dumps(given | {PASSAGE: passage}) if passage else call.arguments


def imagined(words: str, question: Question) -> str:
    answer = complete(
        PURPOSE, variables={"question": quote(words, "question")}, user=question.turn.conversation.user, run=question.run,
        stopped=question.stopped, max_tokens=LONGEST,
    )  # fmt: skip
    return " ".join(answer.text.split())[:MOST] if answer.whole else ""
