"""The house's arrows: apps import toward the store and the accounts, rooms only rooms to their left."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAY_IMPORT = {
    "aiops": set(),
    "accounts": {"aiops"},
    "monitoring": {"aiops", "accounts"},
    "forecasting": {"aiops", "accounts", "monitoring"},
    "remediation": {"aiops", "accounts", "monitoring"},
    "genai": {"aiops", "accounts", "monitoring", "forecasting", "remediation"},
}
ROOMS = {
    "monitoring": [
        "inventory",
        "store",
        "query",
        "logs",
        "ingest",
        "measurements",
        "sources",
        "demo",
        "alerts",
        "incidents",
        "live",
        "notifications",
        "dashboards",
        "kpis",
        "cost",
        "access",
    ],
    "genai": ["providers", "tracing", "rca", "evidence", "rag", "causes", "tools", "summaries", "copilot", "agentops", "mcp"],
}
MAY_NAME_APPS = {"aiops/settings.py", "aiops/urls.py", "aiops/asgi.py", "aiops/celery.py"}


def imports(path: Path) -> list[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return plain + [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]


def fault(rel: str, module: str) -> str | None:
    app, here = rel.split("/")[:2]
    target, there = (module.split(".") + [""])[:2]
    if target not in MAY_IMPORT or rel in MAY_NAME_APPS:
        return None
    if target != app:
        return None if target in MAY_IMPORT[app] else f"{rel} imports {module}"
    order = ROOMS.get(app, [])
    backwards = here in order and there in order and order.index(there) > order.index(here)
    return f"{rel} imports {module}" if backwards else None


def product_files() -> list[Path]:
    files = [path for app in MAY_IMPORT for path in (ROOT / app).rglob("*.py")]
    return [path for path in files if not {"tests", "migrations"} & set(path.parts) and path.name != "testing.py"]


def test_nothing_imports_against_the_arrows():
    files = product_files()
    assert len(files) > 20
    faults = [fault(path.relative_to(ROOT).as_posix(), module) for path in files for module in imports(path)]
    assert [found for found in faults if found] == []


def test_a_wrong_arrow_is_seen():
    assert fault("monitoring/store/writer.py", "monitoring.live.publish")
    assert fault("aiops/health.py", "monitoring.models")
    assert fault("accounts/audit.py", "monitoring.models")
    assert fault("monitoring/live/hub.py", "monitoring.store.reader") is None
