"""Rules, alerts and targets come from rooms that register what they know."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from monitoring.query import providers
from monitoring.query.providers import Registry

pytestmark = pytest.mark.django_db
ALERT = {"type": "alerting", "name": "Hot", "query": "t > 9", "labels": {"team": "a"}, "alerts": [{"state": "firing"}]}
RECORD = {"type": "recording", "name": "t:avg", "query": "avg(t)", "labels": {}}
GROUPS = [{"name": "one", "file": "1.yml", "rules": [ALERT, RECORD]}, {"name": "two", "file": "2.yml", "rules": [RECORD]}]


@pytest.fixture
def get(viewer: Any, token_of: Callable[..., str]) -> Callable[..., Any]:
    headers = {"Authorization": f"Bearer {token_of(viewer, 'monitoring:read')}"}
    return lambda path, **form: (
        Client()
        .get(f"/prometheus/api/v1/{path}", {name.replace("__", "[]"): value for name, value in form.items()}, headers=headers)
        .json()["data"]
    )


@pytest.fixture(autouse=True)
def _nobody_registered(monkeypatch: Any) -> None:
    for name in ("rule_groups", "alerts", "targets"):
        monkeypatch.setattr(providers, name, Registry())


def test_nobody_knows_of_any(get: Any) -> None:
    assert get("rules") == {"groups": []}
    assert get("alerts") == {"alerts": []}
    assert get("targets") == {"activeTargets": [], "droppedTargets": [], "droppedTargetCounts": {}}


def test_several_rooms_are_heard(get: Any) -> None:
    providers.rule_groups.register(lambda: GROUPS[:1])
    providers.rule_groups.register(lambda: GROUPS[1:])
    providers.alerts.register(lambda: [{"labels": {"alertname": "Hot"}, "state": "firing"}])
    assert get("rules") == {"groups": GROUPS}
    assert get("alerts")["alerts"][0]["state"] == "firing"


@pytest.mark.parametrize(
    ("form", "names"),
    [
        ({"type": "alert"}, [["Hot"]]),
        ({"type": "record"}, [["t:avg"], ["t:avg"]]),
        ({"rule_name__": "Hot"}, [["Hot"]]),
        ({"rule_group__": "two"}, [["t:avg"]]),
        ({"file__": ["1.yml"]}, [["Hot", "t:avg"]]),
        ({"match__": '{team="a"}'}, [["Hot"]]),
        ({"rule_group__": "three"}, []),
    ],
)
def test_rules_can_be_chosen(get: Any, form: dict[str, Any], names: list[list[str]]) -> None:
    providers.rule_groups.register(lambda: GROUPS)
    assert [[rule["name"] for rule in group["rules"]] for group in get("rules", **form)["groups"]] == names


def test_alerts_can_be_left_out_of_rules(get: Any) -> None:
    providers.rule_groups.register(lambda: GROUPS)
    assert get("rules", exclude_alerts="true")["groups"][0]["rules"][0]["alerts"] == []


def test_targets_by_state_and_pool(get: Any) -> None:
    providers.targets.register(lambda: [{"scrapePool": pool, "health": "up"} for pool in ("node", "gpu")])
    assert len(get("targets", state="active")["activeTargets"]) == 2
    assert get("targets", scrapePool="gpu")["activeTargets"] == [{"scrapePool": "gpu", "health": "up"}]
    assert get("targets", state="dropped")["activeTargets"] == []


def test_a_function_registers_once() -> None:
    registry = Registry()
    registry.register(list)
    registry.register(list)
    assert len(registry._providers) == 1
    registry.unregister(list)
    assert registry.rows() == []
