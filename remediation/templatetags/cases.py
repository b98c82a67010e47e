"""Words of cases: {% load cases %}."""

from django import template

from remediation import case_story
from remediation.models import LogLine

register = template.Library()
# action of an audit entry -> icon, what it says
ACTIONS = {
    "execution.proposed": ("note", "proposed it"),
    "execution.approved": ("shield", "let it run"),
    "execution.denied": ("close", "denied it"),
    "execution.expired": ("stale", "let it expire"),
    "execution.cancelled": ("stop", "cancelled it"),
    "execution.running": ("play", "started it"),
    "execution.verifying": ("eye", "began to verify"),
    "execution.succeeded": ("ok", "closed it as succeeded"),
    "execution.failed": ("down", "found that it failed"),
    "execution.rolling_back": ("undo", "began to take it back"),
    "execution.rolled_back": ("undo", "took it back"),
    "execution.escalated": ("incidents", "told people"),
    "execution.cancel_asked": ("stop", "asked to stop it"),
    "execution.undo_asked": ("undo", "asked to take it back"),
    "approval.yes": ("ok", "said yes"),
    "approval.no": ("close", "said no"),
    "approval.withdrawn": ("undo", "withdrew it"),
    "approval.refused": ("lock", "was refused"),
}


@register.filter
def action_icon(action: str) -> str:
    return ACTIONS.get(action, ("note", ""))[0]


@register.filter
def action_words(action: str) -> str:
    return ACTIONS.get(action, ("", action.replace(".", " ").replace("_", " ")))[1]


@register.filter
def line_class(line: LogLine) -> str:
    return case_story.level(line)


@register.filter
def avatar(pk: int) -> int:
    """Which of the four colours."""
    return pk % 4 + 1
