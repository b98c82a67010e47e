"""Templates: what they can say, and that what a label says is a value and nothing else."""

import promql_parser
import pytest

from remediation import render, sandbox
from remediation.plan import Plan
from remediation.spec import parse

pytestmark = pytest.mark.once

ALERT = {
    "name": "FilesystemAlmostFull",
    "severity": "high",
    "value": 0.04,
    "labels": {"instance": "db-1:9100", "mountpoint": "/var"},
    "annotations": {"summary": "4 % left"},
}
EVIL = (
    "{{ 7*7 }}", "{% for x in range(10**9) %}x{% endfor %}", "{{ alert.labels }}", "{{ ''.__class__.__mro__ }}", "$(reboot)", "`id`",
    "; rm -rf /", '"} or vector(1) #', "\\", "a\nb", "{#", "${IFS}", "%}",
)  # fmt: skip


def context(**labels):
    return {"alert": {**ALERT, "labels": {**ALERT["labels"], **labels}}, "parameters": {"keep": 3}, "target": "db-1"}


def runbook(**given):
    return parse({"name": "A runbook", "steps": [{"wait": "1s"}], **given})


def filled(action, **labels):
    made = runbook(steps=[{"id": "a", "action": {"provider": "command", "verb": "run", **action}}])
    return render.fill(made, {}, context(**labels))


def test_a_template_alone_keeps_the_type_of_its_value():
    assert sandbox.value("{{ parameters.keep }}", context()) == 3
    assert sandbox.value("{{ parameters.keep }} files", context()) == "3 files"
    assert sandbox.value("{{ [1, 2] }}", context()) == [1, 2]


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ alert.labels.instance | host }}", "db-1"),
        ("{{ alert['labels']['mountpoint'] }}", "/var"),
        ("{{ alert.labels.nothing | default('x') }}", "x"),
        ("{{ alert.labels.nothing | default(alert.labels.mountpoint) | upper }}", "/VAR"),
        ("{% if alert.severity == 'high' %}now{% elif alert.value > 1 %}soon{% else %}later{% endif %}", "now"),
        ("{{ 'a' if alert.labels.nothing else 'b' }}", "b"),
        ("{{ alert.value * 100 }} %", "4 %"),
        ("{{ 1048576 | bytes }}, {{ 90 | duration }}", "1 MB, 1m30s"),
        ("{{ 'db-1.example' | regex }}", "db-1\\.example"),
        ("{{ alert.labels.nothing is defined }}", "false"),
        ("{{ 'a,b' | split | join('-') }}", "a-b"),
        ("{{ alert.labels.nothing == 'x' or not alert.labels.nothing }}", "true"),
        ("{% raw %}{{ as it is }}{% endraw %}", "{{ as it is }}"),
    ],
)
def test_what_templates_can_say(template, said):
    assert sandbox.render(template, context()) == said


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ range(10) }}", "calls of functions"),
        ("{{ ''.join(['a']) }}", "calls of functions"),
        ("{% for x in alert.labels %}x{% endfor %}", "loops"),
        ("{% set x = 1 %}", "set"),
        ("{% include 'x' %}", "include"),
        ("{{ 9 ** 9 }}", "**"),
        ("{{ 'a' | attr('b') }}", "there is no filter attr"),
        ("{{ settings }}", "settings is not known"),
        ("{{ alert.labels.instance", "cannot be read"),
        ("{{ alert[0:2] }}", "slice"),
        ("{{ 1 is callable }}", "there is no test callable"),
        ("{{ 'a' | replace('a', 'b', 'c') }}", "at most 2 values"),
        ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", "nested too deeply"),
        ("{{ 1 }}" * 2000, "at most 10000 characters"),
    ],
    ids=lambda given: given[:24],
)
def test_what_templates_cannot_say_is_refused_before_anything_runs(template, why):
    with pytest.raises(sandbox.TemplateError, match=r".*") as caught:
        sandbox.check(template)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ alert.labels.nothing }}", "alert.labels.nothing is not there"),
        ("{{ alert.__class__ }}", "alert.__class__ is not there"),
        ("{{ alert.labels.instance.__class__.__mro__ }}", "is not there"),
        ("{{ resource.name }}", "resource.name is not there"),
        ("{{ alert.labels.instance + 1 - 1 }}", "is not a number"),
        ("{{ 1 / 0 }}", "zero"),
        ("{{ alert.value > alert.labels.mountpoint }}", "is not a number"),
        ("{{ 'x' | int }}", "is not a number"),
        ("{{ 1e300 | int }}", "too large"),
        ("{{ '' | first }}", "nothing in it"),
    ],
)
def test_what_fails_with_these_values_says_so(template, why):
    with pytest.raises(sandbox.TemplateError) as caught:
        sandbox.value(template, context())
    assert why in str(caught.value)


def test_a_text_that_grows_without_end_is_stopped():
    grown = "{{ alert.labels.big | replace('a', alert.labels.big) | replace('a', alert.labels.big) }}"
    with pytest.raises(sandbox.TemplateError, match="longer than"):
        sandbox.render(grown, context(big="a" * 3000))


@pytest.mark.parametrize("value", EVIL)
def test_a_labels_value_is_never_read_as_a_template(value):
    plan = filled({"params": {"directory": "{{ alert.labels.evil }}", "say": "it is {{ alert.labels.evil }}"}}, evil=value)
    assert plan.steps[0].action.params == {"directory": value, "say": f"it is {value}"}
    late = render.late(plan.steps[0].action, plan.context, {})
    assert late == {"directory": value, "say": f"it is {value}"}


@pytest.mark.parametrize("value", EVIL)
def test_a_late_template_does_not_read_values_as_templates_either(value):
    plan = filled({"params": {"said": "{{ alert.labels.evil }}/{{ steps.before.detail }}"}}, evil=value)
    assert plan.steps[0].action.params == {}
    assert render.late(plan.steps[0].action, plan.context, {"before": {"detail": value}}) == {"said": f"{value}/{value}"}


@pytest.mark.parametrize("value", EVIL)
def test_a_value_stays_within_the_quotation_marks_of_a_query(value):
    made = runbook(success=["up{instance=\"{{ alert.labels.evil }}\", job!='{{ alert.labels.evil }}'} == 1"])
    query = render.fill(made, {}, context(evil=value)).success[0].query
    selector = promql_parser.parse(query).lhs
    assert {(one.name, one.value) for one in selector.matchers.matchers} == {("instance", value), ("job", value)}


def test_outside_of_quotation_marks_only_numbers_and_durations_can_stand_in_a_query():
    made = runbook(parameters=[{"name": "keep", "type": "integer"}], success=["rate(a[{{ alert.labels.window }}]) > {{ parameters.keep }}"])
    assert render.fill(made, {"keep": 3}, context(window="5m")).success[0].query == "rate(a[5m]) > 3"
    with pytest.raises(render.RenderError, match="outside of quotation marks"):
        render.fill(made, {"keep": 3}, context(window="5m]) or vector(1"))


def test_results_of_earlier_steps_are_filled_in_when_the_turn_comes():
    plan = filled({"params": {"args": ["--to", "{{ steps.look.facts.count | int + 1 }}"], "fixed": "{{ target }}"}})
    assert plan.steps[0].action.params == {"fixed": "db-1"}
    stored = Plan.of(plan.to_json())
    found = render.late(stored.steps[0].action, stored.context, {"look": {"state": "succeeded", "facts": {"count": 4}}})
    assert found == {"fixed": "db-1", "args": ["--to", 5]}
    with pytest.raises(render.RenderError, match=r"steps\.look\.facts\.count is not there"):
        render.late(stored.steps[0].action, stored.context, {"look": {}})


def test_texts_for_people_leave_out_what_is_missing():
    made = runbook(steps=[{"id": "say", "notify": "{{ alert.labels.nothing }}{{ steps.a.facts.freed }} freed on {{ target }}"}])
    step = render.fill(made, {}, context()).steps[0]
    assert render.late_text(step, {"target": "db-1"}, {"a": {"facts": {"freed": "3 GB"}}}) == "3 GB freed on db-1"
    assert render.late_text(step, {"target": "db-1"}, {}) == " freed on db-1"


def test_the_target_is_the_resource_else_the_alerts_instance():
    assert render.fill(runbook(), {}, {"alert": ALERT}).target == "db-1:9100"
    assert render.fill(runbook(), {}, {"alert": ALERT, "resource": {"name": "db-1"}}).target == "db-1"
    assert render.fill(runbook(), {}, {}).target == "this installation"


def test_the_same_plan_has_the_same_digest_after_it_was_stored():
    plan = filled({"params": {"directory": "{{ alert.labels.mountpoint }}", "days": 3.0}})
    assert Plan.of(plan.to_json()).digest == plan.digest
    assert filled({"params": {"directory": "/srv", "days": 3.0}}).digest != plan.digest
