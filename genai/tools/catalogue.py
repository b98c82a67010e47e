"""Every tool by name. A further one: its function and its Tool in a module here, and one line in TOOLS."""

from functools import cache
from typing import Any

from accounts.permissions import can
from aiops.plugins import load
from genai.providers.base import ToolSpec
from genai.tools.base import Tool

TOOLS: dict[str, str] = {
    "query_metrics": "genai.tools.metrics.QUERY_METRICS",
    "find_metrics": "genai.tools.metrics.FIND_METRICS",
    "resources": "genai.tools.resources.RESOURCES",
    "resource": "genai.tools.resources.RESOURCE",
    "topology": "genai.tools.topology.TOPOLOGY",
    "alerts": "genai.tools.alerts.ALERTS",
    "alert": "genai.tools.alerts.ALERT",
    "incidents": "genai.tools.incidents.INCIDENTS",
    "incident": "genai.tools.incidents.INCIDENT",
    "similar_incidents": "genai.tools.incidents.SIMILAR_INCIDENTS",
    "causes": "genai.tools.causes.CAUSES",
    "changes": "genai.tools.changes.CHANGES",
    "forecasts": "genai.tools.forecasts.FORECASTS",
    "anomalies": "genai.tools.forecasts.ANOMALIES",
    "executions": "genai.tools.remediation.EXECUTIONS",
    "runbooks": "genai.tools.remediation.RUNBOOKS",
    "search_knowledge": "genai.tools.knowledge.SEARCH_KNOWLEDGE",
    "shift_report": "genai.tools.shift.SHIFT_REPORT",
    "audit": "genai.tools.audit.AUDIT",
    "draft_rule": "genai.tools.rules.DRAFT_RULE",
    "propose_remediation": "genai.tools.proposals.PROPOSE_REMEDIATION",
}


@cache
def every() -> tuple[Tool, ...]:
    return tuple(load(dotted) for dotted in TOOLS.values())


def known(name: str) -> Tool | None:
    return load(TOOLS[name]) if name in TOOLS else None


def offered(actor: Any) -> list[Tool]:
    """Those that the actor may use: others are not even named."""
    return [tool for tool in every() if can(actor, tool.permission)]


def specs(actor: Any) -> list[ToolSpec]:
    """As a model is told of them."""
    return [ToolSpec(tool.name, tool.description, tool.parameters) for tool in offered(actor)]
