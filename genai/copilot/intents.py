"""What a question asks for, told from its words alone: the copilot's way without a model. Pure; `replies.py` acts on it."""

import re
from typing import NamedTuple

from monitoring.query.errors import QueryError
from monitoring.query.parse.plan import plan

LONGEST = 500  # characters that are looked at


class Intent(NamedTuple):
    """`rest`: what stands behind the word that told it, where that matters: a query, words to look for."""

    name: str
    rest: str = ""


SHOW = re.compile(r"\s*(?:show|plot|graph|chart|query|promql)(?:\s+me)?[\s:]+`{0,3}(.+?)`{0,3}\s*", re.IGNORECASE | re.DOTALL)
QUERY_LIKE = re.compile(r"[({\[=]|\w_\w|:\w")

# in this order: the first that is found
WORDS: list[tuple[str, str]] = [
    ("help", r"^\W*(?:help|what can (?:you|i)|commands?|hi|hello|\?)\W*(?:do|ask)?\W*$|^\W*$"),
    ("draft", r"\b(?:draft|write|create|make|suggest|new|add|set up)\b.{0,40}\b(?:rule|alert)\b|\balert me\b"),
    ("audit", r"\baudit\b|\bwho (?:changed|did|deleted|removed|approved|signed|stopped|started|edited|created|silenced)\b"),
    (
        "history",
        r"\blast time\b|\bdid we do\b|\bdone before\b|\bseen (?:it |this )?before\b|\bsimilar\b|\bhow was it\b"
        r"|\b(?:has|did) (?:it|this) happen",
    ),
    ("changes", r"\bchange[ds]?\b|\bdeploy(?:ed|ments?|s)?\b|\b(?:what is|what's) (?:new|different)\b|\bwhat happened before\b"),
    (
        "forecasts",
        r"\bfill(?:s|ing)?\b|\b(?:be|get|gets|is|are) full\b|\brun(?:s|ning)? out\b|\bexhaust\w*|\bcapacity\b|\bforecasts?\b|\bpredict\w*",
    ),
    ("runbooks", r"\brunbooks?\b|\bplaybooks?\b|\bhow (?:do|can|should) (?:i|we) fix\b|\bwhat (?:should|can) (?:i|we) do\b"),
    ("shift", r"\bshift\b|\bhand ?over\b|\bwhat happened\b|\bsummar(?:y|ise|ize)\b.*\b(?:day|night|shift)\b"),
    ("anomalies", r"\banomal(?:y|ies|ous)\b|\bunusual\b|\bstrange\b|\bodd\b|\boutliers?\b"),
    ("topology", r"\bdepend(?:s|encies|ency|ents?)?\b|\btopology\b|\b(?:up|down)stream\b|\bhangs? on\b|\bneeded by\b|\bblast radius\b"),
    ("causes", r"\bwhy\b|\broot cause\b|\bcauses?d?\b|\bwhat(?:'s| is) wrong\b|\bexplain\b|\bdiagnos\w*|\btroubleshoot\b|\bslow(?:er)?\b"),
    ("executions", r"\bexecutions?\b|\bremediations?\b|\bproposals?\b|\bautomations?\b|\bwhat ran\b|\bcases\b"),
    ("incidents", r"\bincidents?\b|\boutages?\b"),
    ("alerts", r"\balerts?\b|\bfiring\b|\balarms?\b|\bwhat(?:'s| is) (?:broken|burning|on fire)\b"),
    ("metrics", r"\bwhich metrics?\b|\bmetrics? (?:for|about|of|on|named?)\b|\bfind metrics?\b"),
    ("resources", r"\b(?:list|which|what|show)\b.*\b(?:resources?|hosts?|servers?|vms?|pods?|nodes?|services?|devices?|gpus?)\b"),
    ("status", r"\bstatus\b|\bhow (?:is|are)\b|\bhealth(?:y)?\b|\bstate of\b|\b(?:is|are)\b.*\b(?:ok|okay|up|down|fine|well|alive)\b"),
]
_PATTERNS = [(name, re.compile(pattern, re.IGNORECASE | re.DOTALL)) for name, pattern in WORDS]


def of(question: str) -> Intent:
    """ "search" where no word tells."""
    text = question[:LONGEST]
    if (query := shown_query(question)) is not None:
        return Intent("show", query)
    name = next((name for name, pattern in _PATTERNS if pattern.search(text)), "search")
    return Intent(name, text)


def shown_query(question: str) -> str | None:
    """The PromQL of "show <promql>", or a question that is nothing but a query; None where it is none."""
    found = SHOW.fullmatch(question)
    text = (found[1] if found else question).strip().strip("`").strip()
    if not QUERY_LIKE.search(text) or text.endswith("?"):
        return None
    try:
        plan(text)
    except (QueryError, RecursionError):
        return None
    return text


# -- a rule in words ---------------------------------------------------------------------------------------------------------
class Threshold(NamedTuple):
    """ "p95 latency over 400 ms": what of it, in words; which quantile; above or below; the value and its unit as written."""

    words: str
    quantile: float | None
    op: str
    value: float
    unit: str


OVER = r"over|above|more than|greater than|higher than|exceed(?:s|ing)?|at least|>=?"
UNDER = r"under|below|less than|lower than|fewer than|drops? (?:to|below)|<=?"
LIMIT = re.compile(
    rf"(?P<what>.{{0,200}}?)\s*(?:is|are|goes|rises|stays|falls)?\s*(?:(?P<over>{OVER})|(?P<under>{UNDER}))\s*"
    r"(?P<value>\d+(?:[.,]\d+)?)\s*(?P<unit>ms|milliseconds?|µs|us|seconds?|secs?|s|minutes?|min|hours?|h|%|percent|per cent"
    r"|[kmgt]i?b(?:/s)?|b|bytes|c|°c|degrees)?(?![\w.])",
    re.IGNORECASE | re.DOTALL,
)
QUANTILE = re.compile(r"\bp(\d{2,3}(?:\.\d+)?)\b|\b(\d{2}(?:\.\d+)?)(?:th|st|nd|rd)? percentile\b", re.IGNORECASE)
FILLER = re.compile(
    r"\b(?:draft|write|create|make|suggest|new|add|set up|please|can|could|you|me|an?|the|alert(?:ing)? rule|rule|alert|for|that|when|if|"
    r"fires?|on|of|whose|where|with|its|is|are|to|warn|p\d{2,3}|percentile)\b",
    re.IGNORECASE,
)


def threshold(question: str) -> Threshold | None:
    """None where it names no limit."""
    found = LIMIT.search(question[:LONGEST])
    if found is None:
        return None
    quantile = QUANTILE.search(found["what"])
    words = " ".join(FILLER.sub(" ", QUANTILE.sub(" ", found["what"])).split()).strip(" ,:")
    share = _share(quantile) if quantile else None
    return Threshold(words, share, ">" if found["over"] else "<", float(found["value"].replace(",", ".")), (found["unit"] or "").lower())


def _share(found: re.Match[str]) -> float | None:
    digits = found[1] or found[2]
    share = float(digits) / (1000 if len(digits) == 3 and "." not in digits else 100)
    return share if 0 < share < 1 else None
