"""The copilot without a model: the common questions are told by their words and answered from the same tools, with the same evidence.

Each reply is a function of what was asked. What tools say is kept as they say it, with a citation behind every sentence.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from accounts.permissions import can
from genai.copilot import acting, drafting, intents, naming, plain, timewords
from genai.copilot.toolbox import Question, Toolbox
from genai.tools.base import Result, ToolError
from genai.tools.times import zone_of

MOST = 12  # rows of a list
HELP = """Ask in words such as these:

- `Why is web-03 slow?`
- `What changed before the outage yesterday?`
- `Which disks fill this month?`
- `Draft a rule for p95 latency over 400 ms`
- `What did we do last time?`
- `Show rate(node_cpu_seconds_total[5m])`
- `Status of web-03`, `open alerts`, `open incidents`, `what is unusual`, `what ran`, `runbooks for web-03`, `shift report`

Ask anything else: it is looked for in runbooks, past incidents, notes and uploaded documents."""
UNKNOWN = "Ask `help` for what can be asked without a model."
PROPOSE = "Note: without a model nothing is filed from words: open the runbook that fits, and propose it from its page."
FOR_MODELS = re.compile(r"; (?:list them|look for the metric) with (?:the tool )?\w+\.$")
SUBJECT = re.compile(r"\b(window|incident|alert):(\d{1,18})\b")
Arguments = dict[str, Any]


@dataclass
class Asked:
    question: Question
    box: Toolbox
    intent: intents.Intent

    @cached_property
    def names(self) -> list[str]:
        """Of resources that the question names."""
        return naming.resources(self.question.text) if can(self.question.actor, "monitoring:read") else []

    @cached_property
    def span(self) -> timewords.Span | None:
        context = self.question.context
        return timewords.span(self.question.text, context.now.astimezone(zone_of(context)))

    @property
    def time(self) -> Arguments:
        return dict(self.span.arguments()) if self.span else {}

    @property
    def about(self) -> Arguments:
        """What the question names: an incident or alert by its number, a resource by its name; empty for what the page shows."""
        return naming.numbered(self.question.text) or ({"resource": self.names[0]} if self.names else {})

    @property
    def on(self) -> Arguments:
        """The resource that is named, or that the page shows."""
        if self.names:
            return {"resource": self.names[0]}
        kind, _, number = self.question.subject.partition(":")
        return {"resource": f"resource:{number}"} if kind == "resource" else {}

    def page_is(self, *kinds: str) -> bool:
        return self.question.subject.partition(":")[0] in kinds

    def use(self, tool: str, **arguments: Any) -> Result:
        return self.box.use(tool, {name: value for name, value in arguments.items() if value not in (None, "")})

    def tell(self, tool: str, **arguments: Any) -> str:
        return plain.cited(self.use(tool, **arguments).plain)


def reply(question: Question, box: Toolbox) -> str:
    asked = Asked(question, box, intents.of(question.text))
    if asked.intent.name == "search" and acting.asked_for(question.text):
        asked.intent = intents.Intent("act")
    try:
        return REPLIES[asked.intent.name](asked)
    except ToolError as fault:
        return f"Note: {FOR_MODELS.sub('.', fault.sentence)}\n\n{UNKNOWN}"


# -- why, and what changed -------------------------------------------------------------------------------------------------
def why(asked: Asked) -> str:
    about = asked.about
    if not about and not asked.page_is("alert", "incident", "resource"):
        about = _latest_trouble(asked)
        if not about:
            return "Note: nothing fires and no incident is open; say which resource, alert or incident.\n\n" + UNKNOWN
    told = SUBJECT.sub(naming.of_subject, asked.tell("causes", **about, **asked.time))
    return told if asked.box.question.stopped() else f"{told}\n\n{_standing(asked, about)}".strip()


def _standing(asked: Asked, about: Arguments) -> str:
    """How it is now, of a resource that was named."""
    return asked.tell("resource", name=about["resource"]) if "resource" in about else ""


def _latest_trouble(asked: Asked) -> Arguments:
    found = asked.use("incidents", limit=1).data["incidents"]
    if found:
        return {"incident": f"INC-{found[0]}"}
    firing = asked.use("alerts", limit=1).data["alerts"]
    return {"alert": str(firing[0])} if firing else {}


OUTAGE = re.compile(r"\b(?:outage|incident|trouble|problem|failure|crash|went down|failed|broke)\b", re.IGNORECASE)


def changes(asked: Asked) -> str:
    """Before an incident, where the question speaks of one: the worst of the time that it names, or the latest."""
    about = asked.about
    if not about and OUTAGE.search(asked.question.text) and not asked.page_is("incident", "alert"):
        found = _outage(asked)
        if found is None:
            none = "Note: there was no incident in that time."
            return f"{none}\n\n{asked.tell('changes', **asked.time, limit=MOST)}"
        head, number = found
        return f"{head}\n\n{asked.tell('changes', incident=number, limit=MOST)}"
    if not about and asked.page_is("incident", "alert"):
        kind, _, number = asked.question.subject.partition(":")
        about = {kind: number}
    span = {} if {"incident", "alert"} & about.keys() else asked.time or _lately(asked)
    return asked.tell("changes", **(about or asked.on), **span, limit=MOST)


def _lately(asked: Asked) -> Arguments:
    """The page's own time, else the last day."""
    return {} if asked.question.start else {"start": (asked.question.context.now - timedelta(days=1)).isoformat(timespec="seconds")}


def _outage(asked: Asked) -> tuple[str, str] | None:
    """(what is said of it, its number)."""
    time = asked.time or {"start": "7d"}
    for severity in ("critical", "high", None):
        found = asked.use("incidents", status="any", severity=severity, limit=1, **time)
        if found.data["incidents"]:
            return plain.cited(found.plain, rows_only=True), f"INC-{found.data['incidents'][0]}"
    return None


def history(asked: Asked) -> str:
    """What looked like it before and what was done; on a resource also what ran there."""
    about = asked.about
    number = about.get("incident") or ""
    if number or asked.page_is("incident") or not (about or asked.on):
        try:
            return asked.tell("similar_incidents", id=number)
        except ToolError as fault:
            return f"Note: {fault.sentence}\n\n{asked.tell('executions', limit=MOST)}"
    if asked.page_is("alert") and not about:
        return f"{asked.tell('runbooks', limit=5)}\n\n{asked.tell('executions', limit=5)}"
    return (
        f"{asked.tell('executions', **asked.on, limit=MOST)}\n\n{asked.tell('incidents', status='any', start='90d', **asked.on, limit=5)}"
    )


# -- what comes, and rules -------------------------------------------------------------------------------------------------
KINDS = re.compile(
    r"\b(disks?|filesystems?|volumes?|storage|memory|ram|cpus?|inodes?|swap|gpus?|quota|certificates?|connections?)\b", re.IGNORECASE
)


def forecasts(asked: Asked) -> str:
    named = KINDS.search(asked.question.text)
    words = named[1].lower() if named else ""
    words = words.removesuffix("s") if words not in ("cpus", "gpus") else words[:-1]
    return asked.tell("forecasts", words=words, **asked.on, **timewords.ahead(asked.question.text), limit=MOST)


def draft(asked: Asked) -> str:
    text = asked.question.text
    query = _query_in(text)
    if query is not None:
        return asked.tell("draft_rule", name=drafting.camel(query)[:60], expr=query)
    threshold = intents.threshold(text)
    if threshold is None or not threshold.words:
        return "Note: say what of which value: for example `draft a rule for p95 latency over 400 ms`, or a PromQL condition."
    made = _drafted(asked, threshold)
    if made is None:
        return f"Note: no metric in the store is called like `{threshold.words}`; write the condition in PromQL.\n\n{UNKNOWN}"
    return asked.tell("draft_rule", name=made.name, expr=made.expr, summary=made.summary)


def _drafted(asked: Asked, threshold: intents.Threshold) -> drafting.Drafted | None:
    formula = drafting.formula(threshold)
    if formula is not None:
        return drafting.compared(formula, threshold)
    found = asked.use("find_metrics", words=drafting.words_for(threshold), limit=25)
    metric = drafting.best(found.data["metrics"], threshold)
    return drafting.drafted(metric, threshold) if metric is not None else None


BEHIND = re.compile(r"\b(?:rule|alert)\b(?:\s+(?:for|on|when|if|that|me when))?\s*:?\s*`{0,3}(.+?)`{0,3}\s*$", re.IGNORECASE | re.DOTALL)


def _query_in(text: str) -> str | None:
    """PromQL behind "draft a rule for"."""
    found = BEHIND.search(text)
    return intents.shown_query(found[1]) if found else None


# -- lists -----------------------------------------------------------------------------------------------------------------
def show(asked: Asked) -> str:
    return asked.tell("query_metrics", query=asked.intent.rest, **asked.time)


def status(asked: Asked) -> str:
    about = asked.about
    for kind in ("incident", "alert"):
        if kind in about or (asked.page_is(kind) and not about):
            return asked.tell(kind, id=about.get(kind, ""))
    if asked.page_is("execution") and not asked.names:
        return asked.tell("executions", words=naming.case_of(asked.question.subject), limit=1)
    if asked.names or asked.page_is("resource"):
        return asked.tell("resource", name=asked.names[0] if asked.names else "")
    if (guess := naming.behind(asked.question.text)) is not None:
        return asked.tell("resource", name=guess)
    return (
        f"{asked.tell('alerts', limit=MOST)}\n\n{asked.tell('incidents', limit=5)}\n\n{asked.tell('resources', state='troubled', limit=5)}"
    )


def alerts(asked: Asked) -> str:
    if "alert" in asked.about:
        return asked.tell("alert", id=asked.about["alert"])
    named = {"resource": asked.names[0]} if asked.names else {}
    state = {"state": "any"} if asked.span else {}
    return asked.tell("alerts", **named, **state, **asked.time, limit=MOST)


def listed_incidents(asked: Asked) -> str:
    if "incident" in asked.about:
        return asked.tell("incident", id=asked.about["incident"])
    named = {"resource": asked.names[0]} if asked.names else {}
    return asked.tell("incidents", **named, **asked.time, limit=MOST)


def anomalies(asked: Asked) -> str:
    return asked.tell("anomalies", **asked.on, **asked.time, limit=MOST)


def topology(asked: Asked) -> str:
    return asked.tell("topology", name=asked.names[0] if asked.names else "")


def executions(asked: Asked) -> str:
    return asked.tell("executions", **asked.about, **asked.time, limit=MOST) if "alert" not in asked.about else asked.tell("executions")


def runbooks(asked: Asked) -> str:
    return asked.tell("runbooks", **asked.about, limit=8)


def act(asked: Asked) -> str:
    return f"{PROPOSE}\n\n{runbooks(asked)}"


def shift(asked: Asked) -> str:
    return asked.tell("shift_report", **asked.time)


def audit(asked: Asked) -> str:
    return asked.tell("audit", **asked.time, limit=MOST)


STOP = re.compile(r"\b(?:which|find|metrics?|for|about|of|on|named?|are|there|is|the|what|show|list|me|all)\b|[^\w\s.-]", re.IGNORECASE)


def metrics(asked: Asked) -> str:
    words = " ".join(STOP.sub(" ", asked.question.text).split())[:200] or "cpu"
    head, _, rows = asked.use("find_metrics", words=words).plain.partition("\n")
    return f"{head}:\n\n```\n{rows.replace('```', '')}\n```" if rows else f"Note: {head}"


def listed_resources(asked: Asked) -> str:
    if asked.names:
        return status(asked)
    kind = re.search(r"\b(host|vm|pod|node|service|device|gpu|database)s?\b", asked.question.text, re.IGNORECASE)
    return asked.tell("resources", kind=kind[1].lower() if kind else "", limit=MOST)


def search(asked: Asked) -> str:
    """Nothing tells what is asked for: a resource that is named, else what is written down."""
    if asked.names:
        return status(asked)
    if len(asked.question.text) < 2:
        return HELP
    found = asked.use("search_knowledge", query=asked.question.text[:1000])
    return f"{plain.cited(found.plain, quoted=True)}\n\n{UNKNOWN}"


def tell_help(asked: Asked) -> str:
    return HELP


REPLIES: dict[str, Callable[[Asked], str]] = {
    "help": tell_help, "draft": draft, "history": history, "changes": changes, "forecasts": forecasts, "runbooks": runbooks, "audit": audit,
    "shift": shift, "anomalies": anomalies, "topology": topology, "causes": why, "executions": executions, "incidents": listed_incidents,
    "alerts": alerts, "metrics": metrics, "resources": listed_resources, "status": status, "show": show, "search": search, "act": act,
}  # fmt: skip
