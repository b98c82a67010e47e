"""What lint finds, and that it finds nothing wrong with what is shipped."""

import pytest

from monitoring.query.parse.plan import plan as read_query
from remediation import lint, render, runbook_packs
from remediation.lint import ERROR, NOTE, WARNING, Known
from remediation.providers.base import PROVIDERS
from remediation.spec import parse

pytestmark = pytest.mark.once
EVERY_KIND = [Known(kind, kind) for kind in PROVIDERS]
CLEAN = {"provider": "command", "verb": "clean_directory", "params": {"directory": "/srv", "older_than": "7d"}}


def found(level="", providers=EVERY_KIND, channels=None, **given):
    spec = parse({"name": "A runbook", "steps": [{"id": "a", "action": CLEAN}], "success": ["up == 1"], **given})
    return [(one.place, one.text) for one in lint.lint(spec, providers, channels) if level in ("", one.level)]


def test_nothing_is_wrong_with_this_one():
    assert found(ERROR) == []
    assert found(WARNING, risk="low") == []


@pytest.mark.parametrize(
    ("action", "place", "why"),
    [
        ({"provider": "nothing"}, "steps[0].action.provider", "there is no provider nothing"),
        ({"verb": "reboot"}, "steps[0].action.verb", "command cannot reboot; it can clean_directory"),
        ({"params": {"directory": "/srv"}}, "steps[0].action.params", "needs the parameter older_than"),
        ({"params": {**CLEAN["params"], "depth": 1}}, "steps[0].action.params.depth", "no parameter depth"),
        ({"params": {**CLEAN["params"], "older_than": "long"}}, "steps[0].action.params.older_than", "is not a duration"),
    ],
)
def test_what_a_provider_does_not_take_is_an_error(action, place, why):
    said = found(ERROR, steps=[{"id": "a", "action": {**CLEAN, **action}}])
    assert [one for one, _ in said] == [place]
    assert why in said[0][1]


def test_a_kind_needs_exactly_one_provider_that_is_set_up():
    assert found(WARNING, []) == [("steps[0].action.provider", "no provider of the kind command is set up yet")]
    assert found(WARNING, [Known("here", "command", enabled=False)])[0][1] == "no provider of the kind command is set up yet"
    two = [Known("here", "command"), Known("there", "command")]
    assert found(ERROR, two) == [("steps[0].action.provider", "there are several providers of the kind command: say which of here, there")]
    assert found(ERROR, two, steps=[{"action": {**CLEAN, "provider": "there"}}]) == []


def test_a_query_that_cannot_be_read_is_an_error_also_with_templates_in_it():
    assert found(ERROR, success=["up{instance="])[0][0] == "success[0].query"
    well = 'rate(a{b="{{ target }}"}[{{ target }}]) > {{ target }} and up offset {{ target }} == 1'
    assert found(ERROR, success=[well]) == []
    assert lint.sample(well) == 'rate(a{b="x"}[5m]) > 1 and up offset 5m == 1'


def test_a_value_within_a_regular_expression_is_warned_of():
    assert found(WARNING, risk="low", success=['up{a=~"{{ target }}.*"} == 1'])[0][0] == "success[0].query"
    assert found(WARNING, risk="low", success=['up{a=~"{{ target | regex }}.*"} == 1']) == []


def test_steps_speak_only_of_steps_before_them():
    say = [
        {"id": "a", "notify": "{{ steps.b.detail }}"},
        {"id": "b", "action": CLEAN, "undo": {**CLEAN, "params": {"x": "{{ steps.b.facts }}"}}},
    ]
    assert ("steps[0].text", "there is no step b before it") in found(ERROR, steps=say)
    assert not any("no step" in text for place, text in found(ERROR, steps=say) if place.startswith("steps[1]"))


def test_what_cannot_be_proved_or_undone_is_said():
    notes = found(NOTE, success=[])
    assert [place for place, _ in notes] == ["success", "rollback"]
    assert found(NOTE, on_failure="escalate") == []


def test_a_risk_below_that_of_its_action_is_warned_of():
    kill = {"provider": "command", "verb": "kill_process", "params": {"name": "x"}}
    assert found(WARNING, risk="low", steps=[{"action": kill}])[0][0] == "risk"


def test_a_parameter_that_nothing_uses_and_a_channel_that_is_not_there_are_warned_of():
    assert found(WARNING, risk="low", parameters=[{"name": "unused"}])[0] == ("parameters[0].name", "nothing uses the parameter unused")
    notify = [{"notify": {"channel": "ops", "text": "x"}}]
    assert found(WARNING, channels=["other"], steps=notify) == [("steps[0].notify.channel", "there is no channel ops")]
    assert found(WARNING, channels=["ops"], steps=notify) == []


def test_a_hold_longer_than_the_window_never_holds():
    assert found(ERROR, success=[{"query": "up", "hold": "10m", "within": "5m"}]) == [
        ("success[0]", "it has to hold for longer than it is given")
    ]


# -- what is shipped ---------------------------------------------------------------------------------------------------
SHIPPED = {spec.id: spec for spec in runbook_packs.shipped()}


def test_all_that_was_promised_is_shipped():
    assert set(SHIPPED) == {
        "disk-clean-up", "service-restart", "log-rotation", "process-kill", "scale-out", "pod-restart", "rollout-restart", "node-cordon",
        "vm-soft-reset", "open-incident", "open-ticket",
    }  # fmt: skip


@pytest.mark.parametrize("name", SHIPPED)
def test_lint_finds_nothing_wrong_with_a_shipped_runbook(name):
    wrong = [one for one in lint.lint(SHIPPED[name], EVERY_KIND) if one.level != NOTE]
    assert wrong == []


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_runbook_fills_in_for_an_alert_and_its_queries_can_be_read(name):
    from remediation.parameters import validate

    labels = {
        "instance": "db-1", "mountpoint": "/srv", "name": "nginx.service", "service": "nginx", "namespace": "shop", "deployment": "web",
        "pod": "web-5d4-x7", "node": "node-1", "instance_id": "ocid1.instance.oc1..a", "process": "java",
    }  # fmt: skip
    alert = {"name": "Anything", "severity": "high", "summary": "It fires", "labels": labels}
    context = {"alert": alert, "resource": {"name": "db-1", "labels": {}, "facts": {}}}
    spec = SHIPPED[name]
    given = {"replicas": 3} if name == "scale-out" else {}
    plan = render.fill(spec, validate(spec.parameters, given, context), context)
    for check in (*plan.prechecks, *plan.success):
        read_query(check.query)
    for step in plan.steps:
        verb = lint.verb_of(step.action)
        assert validate(verb.parameters, step.action.params)
        assert "{{" not in str(step)


def test_a_replaced_pod_is_looked_for_by_the_name_of_what_makes_it():
    plan = render.fill(SHIPPED["pod-restart"], {"namespace": "shop", "pod": "web-5d4-x7.y"}, {})
    assert 'pod=~"web-5d4-.*"' in plan.success[0].query
