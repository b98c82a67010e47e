"""The only way a tool is called: who asks may, the arguments fit, the answer is bounded, looked through and quoted, the step written down.

Nothing in here trusts a model: a call is what somebody asked for on behalf of a person, whose rights are all it has.
"""

import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError

from accounts.permissions import can
from aiops.templatetags.ui import NBSP
from genai.prompting import harmless, quote
from genai.tools import catalogue
from genai.tools.base import Context, Json, Refused, Result, Tool, ToolError
from genai.tracing import injection, record
from monitoring.query.errors import QueryError
from monitoring.store import StoreUnavailable

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

logger = logging.getLogger(__name__)
LONGEST_ARGUMENTS = 20_000  # characters
LONGEST_TEXT = 12_000  # of an answer: what is over is cut, and said to be
MOST_EVIDENCE = 40
MOST_FINDINGS = 3  # told of one answer
OWN_FAULT = "The tool failed by a fault of the platform's own; it was written to the log."


def call(name: str, arguments: Mapping[str, Any] | str, context: Context) -> Result:
    """Raises ToolError with one sentence, whatever goes wrong. What is asked for beyond the actor's rights is refused and a finding."""
    with record.step(context.run, "tool", name[:100], arguments=_shown(arguments)) as step:
        try:
            result = _called(name, arguments, context, step)
        except Refused as fault:
            step.refuse(fault.sentence)
            raise
        step.detail, step.result = _line(result.plain), result.plain
        return result


def _called(name: str, arguments: Mapping[str, Any] | str, context: Context, step: record.StepRecord) -> Result:
    tool = allowed(name, context, step)
    given = checked(tool, arguments)
    try:
        result = tool.run(given, context)
    except Refused:
        raise
    except (ToolError, QueryError, StoreUnavailable) as fault:
        sentence = harmless(_sentence(fault))  # may name what there is: labels, titles
        _look(tool, sentence, context, step)
        raise ToolError(sentence) from fault
    except DatabaseError as fault:
        logger.warning("tool %s: %s", tool.name, fault)
        raise ToolError("The database does not answer at the moment; try again in a minute.") from fault
    except Exception as fault:
        logger.exception("tool %s failed", tool.name)
        raise ToolError(OWN_FAULT) from fault
    return finished(tool, result, context, step)


def allowed(name: str, context: Context, step: record.StepRecord) -> Tool:
    """The tool, if there is one and the actor may use it."""
    tool = catalogue.known(name)
    if tool is not None and can(context.actor, tool.permission):
        return tool
    if tool is None:
        _misused(context, step, name, "refused: there is no such tool", "low")
        raise Refused(f"There is no tool {name[:60]!r}; there are {', '.join(one.name for one in catalogue.offered(context.actor))}.")
    _misused(context, step, tool.name, f"refused: it needs {tool.permission}", "high")
    raise Refused(f"{tool.name} needs the permission {tool.permission}, which whoever asks does not have; nothing was done.")


def _misused(context: Context, step: record.StepRecord, name: str, action: str, severity: str) -> None:
    record.finding(context.run, "misuse", f"tool {name[:100]}", name[:200], action, severity, step=step.row)


def checked(tool: Tool, arguments: Mapping[str, Any] | str) -> Json:
    """The arguments as an object that fits the tool's schema. Models write them as text, which may be anything."""
    from jsonschema import Draft202012Validator  # half a second of every process' start
    from jsonschema.exceptions import best_match

    given = _object(tool, arguments)
    wrong = best_match(Draft202012Validator(tool.parameters).iter_errors(given))
    if wrong is not None:
        raise ToolError(_fault(tool, wrong))
    return given


def _object(tool: Tool, arguments: Mapping[str, Any] | str) -> Json:
    if isinstance(arguments, str):
        if len(arguments) > LONGEST_ARGUMENTS:
            raise ToolError(f"The arguments of {tool.name} are longer than {LONGEST_ARGUMENTS:,} characters.")
        try:
            arguments = json.loads(arguments or "{}")
        except (ValueError, RecursionError):
            raise ToolError(f"The arguments of {tool.name} are not JSON.") from None
    if not isinstance(arguments, Mapping):
        raise ToolError(f"The arguments of {tool.name} must be one JSON object.")
    # What databases cannot store is no text; a model's nulls mean that it left something out.
    return {str(key): _clean(value) for key, value in arguments.items() if value is not None}


def _clean(value: Any) -> Any:
    return value.replace("\x00", "").encode("utf-8", "ignore").decode() if isinstance(value, str) else value


def _fault(tool: Tool, wrong: "ValidationError") -> str:
    place = ".".join(map(str, wrong.absolute_path))
    told = wrong.message if len(wrong.message) <= 200 else f"{wrong.message[:199]}…"
    return f"The arguments of {tool.name} do not fit{f' at {place[:60]}' if place else ''}: {told}."


def finished(tool: Tool, result: Result, context: Context, step: record.StepRecord) -> Result:
    """Bounded, looked through for texts that try to give orders, and quoted as data."""
    plain = (result.plain or result.text).replace(NBSP, " ")
    if len(plain) > LONGEST_TEXT:
        plain = f"{plain[:LONGEST_TEXT]}\n… cut after {LONGEST_TEXT:,} characters; ask for less."
    result.plain = plain
    result.evidence = [one for one in result.evidence if can(context.actor, one.permission)][:MOST_EVIDENCE]
    _look(tool, plain, context, step)
    result.text = quote(plain, where=tool.name)
    return result


def _look(tool: Tool, text: str, context: Context, step: record.StepRecord) -> None:
    """Texts that try to give orders are findings; what they say changes nothing."""
    for one in injection.look(text)[:MOST_FINDINGS]:
        where, action = f"answer of {tool.name}", "passed on as data; it changes nothing"
        record.finding(context.run, "injection", where, one.excerpt, action, "medium", step=step.row)


def _shown(arguments: Mapping[str, Any] | str) -> Json:
    if isinstance(arguments, Mapping):
        return dict(arguments)
    try:
        read = json.loads(arguments[:LONGEST_ARGUMENTS] or "{}")
    except (ValueError, RecursionError):
        read = None
    return read if isinstance(read, dict) else {"unreadable": arguments[:500]}


def _sentence(fault: Exception) -> str:
    if isinstance(fault, ToolError):
        return fault.sentence
    if isinstance(fault, QueryError):
        return f"The query cannot be answered: {fault.message}"
    return "The metric store does not answer at the moment; try again in a minute."


def _line(text: str) -> str:
    return text.strip().partition("\n")[0][:500]
