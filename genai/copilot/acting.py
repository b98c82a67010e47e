"""Whether a person's own words ask for something to be done.

Only then is a model offered the one tool that writes. What it read meanwhile (a label, a log line, a document) never counts. That nothing
is filed once something it read tried to give orders is seen to by the tool itself.
"""

import re

WRITES = "propose_remediation"
ACT = re.compile(
    r"\b(?:propose|proposal|remediat\w*|restart|reboot|roll(?:ing)?[ -]?back|revert|scale|drain|cordon|evict|clean ?up|free (?:up|some)"
    r"|prune|rotate|fix|repair|heal|mitigate|extend|resize|grow|fail ?over|stop|start|kill|delete|remove|apply|execute|trigger"
    r"|run (?:the |a )?(?:runbook|playbook|job|step)|deploy|undo|do (?:it|that|so)|go ahead|make it so)\b",
    re.IGNORECASE,
)
AGREES = re.compile(r"\s*(?:yes|ok|okay|please do|sure)\b[\s.,!]*", re.IGNORECASE)
ASKS = re.compile(
    r"\s*(?:why|what|when|which|who|whose|where|how|did|does|do we|is|are|was|were|has|have|show|list|explain)\b", re.IGNORECASE
)
WANTS = re.compile(r"\b(?:please|propose|can you|could you|would you|go ahead|then)\b", re.IGNORECASE)
NOT_ASKED = "the question asks for nothing to be done; the person can ask for it, or propose it from the page."


def asked_for(question: str) -> bool:
    if AGREES.match(question) and len(question) < 80:
        return True
    if not ACT.search(question):
        return False
    return not ASKS.match(question) or WANTS.search(question) is not None
