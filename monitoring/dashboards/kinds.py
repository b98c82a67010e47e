"""How a kind of resource and a state are shown: icon, word, tone. A kind without a line here still shows, as itself."""

from dataclasses import dataclass

from monitoring.inventory.health import HEALTHY


@dataclass(frozen=True)
class Kind:
    icon: str
    one: str
    many: str


KINDS = {
    "host": Kind("host", "Host", "Hosts"),
    "vm": Kind("vm", "Virtual machine", "Virtual machines"),
    "node": Kind("node", "Cluster node", "Cluster nodes"),
    "pod": Kind("pod", "Pod", "Pods"),
    "namespace": Kind("topology", "Namespace", "Namespaces"),
    "cluster": Kind("topology", "Cluster", "Clusters"),
    "gpu": Kind("gpu", "GPU", "GPUs"),
    "device": Kind("device", "Network device", "Network devices"),
    "service": Kind("service", "Service", "Services"),
    "database": Kind("database", "Database", "Databases"),
    "agent": Kind("agent", "AI agent", "AI agents"),
    "cloud": Kind("cloud", "Cloud account", "Cloud accounts"),
    "platform": Kind("brand", "Platform", "Platform"),
}


def kind(name: str) -> Kind:
    word = name.replace("_", " ").capitalize()
    return KINDS.get(name) or Kind("resources", word, word)


@dataclass(frozen=True)
class Status:
    label: str
    icon: str
    tone: str
    tint: str = ""
    cell: str = ""  # class of the fleet cell
    cell_icon: str = ""


# In the order of attention.
STATUSES = {
    "down": Status("Down", "down", "h-down", "tint-critical", "cell-down", "critical"),
    "degraded": Status("Degraded", "degraded", "h-degraded", "tint-medium", "cell-degraded", "high"),
    "stale": Status("Stale", "stale", "h-stale", "tint-high", "cell-stale", "stale"),
    "gone": Status("Gone", "unknown", "h-unknown", "", "cell-unknown", "unknown"),
    "unknown": Status("Not judged", "unknown", "h-unknown", "", "cell-unknown", "unknown"),
    "healthy": Status("Healthy", "ok", "h-ok", "tint-ok"),
}

CHANGES = {  # kind of change -> icon, tone, class of its mark in charts, kind of its line in charts
    "discovered": ("plus", "", "mark-config", "config"),
    "state": ("stale", "h-stale", "mark-alert", "alert"),
    "health": ("degraded", "h-degraded", "mark-alert", "alert"),
    "facts": ("config", "", "mark-config", "config"),
    "labels": ("config", "", "mark-config", "config"),
    "rebooted": ("refresh", "c-accent", "mark-deploy", "deploy"),
    "clock": ("clock", "h-degraded", "mark-config", "config"),
    "deleted": ("close", "", "mark-config", "config"),
}


def change(kind_of_change: str, after: object = None) -> tuple[str, str, str, str]:
    """As CHANGES; a change for the better is green, whatever its kind."""
    icon, tone, mark, line = CHANGES.get(kind_of_change, CHANGES["facts"])
    better = (kind_of_change == "state" and after == "reporting") or (
        kind_of_change == "health" and isinstance(after, int) and after >= HEALTHY
    )
    return ("ok", "h-ok", "mark-config", "config") if better else (icon, tone, mark, line)
