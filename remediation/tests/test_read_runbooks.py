"""What a runbook can say, and that each mistake is named with its place and its line."""

import pytest

from remediation import runbook_files
from remediation.diff import changes, diff
from remediation.runbook_files import UnreadableFile, dump, dump_one, load
from remediation.spec import SpecError, parse

pytestmark = pytest.mark.once

STEP = {"id": "clean", "action": {"provider": "command", "verb": "clean_directory", "params": {"directory": "/srv/scratch"}}}
WHOLE = """
id: a-runbook
name: A runbook
risk: low
expected: 2m
fits: {alerts: ["Disk*"], labels: {job: "node"}, resources: [host]}
parameters:
  - {name: keep, type: duration, default: 7d, minimum: 1h}
steps:
  - id: clean
    action: {provider: command, verb: clean_directory, params: {directory: /srv, older_than: "{{ parameters.keep }}"}, timeout: 1m30s}
    undo: {provider: webhook, verb: post, params: {body: "{{ steps.clean.detail }}"}}
  - wait: 30s
  - id: look
    branch:
      cases:
        - {step: clean, state: failed, go: end}
        - {check: "up == 0", go: ask}
      otherwise: say
  - {id: ask, approval: {text: Go on, approvers: 2, expires: 2h}}
  - {id: say, notify: {channel: ops, text: "done on {{ target }}"}}
  - {id: see, check: {query: up == 1, hold: 1m, within: 5m}, on_failure: continue}
success: ["up == 1"]
rollback:
  - notify: it did not help
"""


def test_a_whole_runbook_is_read():
    spec = load(WHOLE).specs[0]
    assert (spec.id, spec.risk, spec.expected) == ("a-runbook", "low", 120.0)
    assert [step.id for step in spec.steps] == ["clean", "step_2", "look", "ask", "say", "see"]
    assert [step.kind for step in spec.steps] == ["action", "wait", "branch", "approval", "notify", "check"]
    assert spec.steps[0].action.timeout == 90.0
    assert spec.steps[0].title == "command: clean directory"
    assert spec.steps[2].cases[1].check.query == "up == 0"
    assert (spec.steps[3].approvers, spec.steps[3].expires) == (2, 7200.0)
    assert spec.parameters[0].minimum == 3600.0
    assert spec.rollback[0].text == "it did not help"
    assert spec.success[0].within == 600.0


def test_what_it_fits_is_by_name_labels_and_kind():
    fits = load(WHOLE).specs[0].fits
    assert fits.alert("DiskFull", {"job": "node"})
    assert not fits.alert("DiskFull", {"job": "other"})
    assert not fits.alert("CpuBusy", {"job": "node"})
    assert fits.resource("host")
    assert not fits.resource("pod")
    assert not parse({"name": "x", "steps": [STEP]}).fits.alert("Anything", {})


@pytest.mark.parametrize(
    ("given", "place", "why"),
    [
        ({"name": ""}, "name", "name is missing"),
        ({"id": "No Id"}, "id", "is no id"),
        ({"colour": "red"}, "colour", "is not known here"),
        ({"risk": "none"}, "risk", "one of low, medium, high, critical"),
        ({"expected": "soon"}, "expected", "is not a duration"),
        ({"steps": []}, "steps", "at least one step"),
        ({"steps": [STEP] * 51}, "steps", "at most 50"),
        ({"steps": [STEP, STEP]}, "steps[1].id", "a second step clean"),
        ({"steps": [{"id": "end", "wait": "1s"}]}, "steps[0].id", "no step can be called end"),
        ({"steps": [{"id": "a"}]}, "steps[0]", "exactly one of action, wait"),
        ({"steps": [{"wait": "1s", "notify": "x"}]}, "steps[0]", "exactly one of"),
        ({"steps": [{"wait": "1s", "undo": {}}]}, "steps[0].undo", "only an action"),
        ({"steps": [{"action": {"provider": "command"}}]}, "steps[0].action", "verb is missing"),
        ({"steps": [{"action": "reboot"}]}, "steps[0].action", "a mapping"),
        ({"steps": [{"wait": "9w"}]}, "steps[0].wait", "from 0 to 7d"),
        ({"steps": [{"approval": {"text": "x", "approvers": 9}}]}, "steps[0].approval.approvers", "from 1 to 5"),
        ({"steps": [{"branch": {"cases": []}}]}, "steps[0].branch.cases", "at least one case"),
        ({"steps": [{"branch": {"cases": [{"check": "up", "go": "step_1"}]}}]}, "steps[0].branch.cases[0].go", "no later step"),
        ({"steps": [{"branch": {"cases": [{"step": "x", "go": "end"}]}}]}, "steps[0].branch.cases[0].step", "no earlier step"),
        ({"rollback": [{"approval": "?"}]}, "rollback[0]", "no approvals"),
        ({"success": [{"query": "{% if 1 %}up{% endif %}"}]}, "success[0].query", "only {{ }}"),
        ({"success": ["{{ steps.clean.detail }}"]}, "success[0].query", "the results of steps"),
        ({"target": "{{ open('x') }}"}, "target", "calls of functions"),
        ({"steps": [{**STEP, "title": "{{ parameters.x }}"}]}, "steps[0].title", "no parameter x"),
        ({"parameters": [{"name": "1"}]}, "parameters[0].name", "cannot be the name"),
        ({"parameters": [{"name": "a"}, {"name": "a"}]}, "parameters[1]", "a second parameter"),
        ({"parameters": [{"name": "a", "type": "date"}]}, "parameters[0].type", "one of string"),
        ({"parameters": [{"name": "a", "pattern": "("}]}, "parameters[0].pattern", "cannot be read"),
        ({"parameters": [{"name": "a", "type": "choice"}]}, "parameters[0].choices", "needs choices"),
        ({"parameters": [{"name": "a", "type": "integer", "default": "x"}]}, "parameters[0].default", "not a number"),
        ({"parameters": [{"name": "a", "default": "{{ parameters.b }}"}]}, "parameters[0].default", "other parameters"),
        ({"fits": {"labels": {"a": 1}}}, "fits.labels.a", "a text is needed"),
        ({"description": {"a": {"b": 1}}}, "description", "a text is needed"),
        ({"name": "a\0b"}, "", "a NUL character"),
        ({"tags": ["a\0b"]}, "", "a NUL character"),
        ({"tags": ["\ud800"]}, "", "only texts, numbers"),
        ({"name": {1, 2}}, "", "only texts, numbers"),
    ],
    ids=lambda given: ascii(given)[:60],
)
def test_each_mistake_is_named_with_its_place(given, place, why):
    with pytest.raises(SpecError) as caught:
        parse({"id": "x", "name": "A runbook", "steps": [STEP], **given})
    assert caught.value.place == place
    assert why in caught.value.message


def test_a_file_holds_one_or_many():
    one = dump_one({"id": "a", "name": "A", "steps": [STEP]})
    other = dump_one({"id": "b", "name": "B", "steps": [STEP]})
    listed = "runbooks:\n" + "".join(f"  {line}\n" for part in (one, other) for line in f"- {part}".replace("\n", "\n  ").splitlines())
    for text in (f"{one}---\n{other}", listed):
        assert [spec.id for spec in load(text).specs] == ["a", "b"]


def test_what_cannot_be_used_is_told_with_its_line_and_the_rest_is_used():
    first, second = "id: a\nname: A\nsteps:\n  - wait: 1s\n  - wait: long\n", "id: b\nname: B\nsteps:\n  - wait: 1s\n"
    text = f"{first}---\n{second}---\n{second}"
    read = load(text)
    assert [(one.spec.id, one.line) for one in read.found] == [("b", 7)]
    assert [(one.line, one.runbook, one.place) for one in read.refused] == [(5, "a", "steps[1].wait"), (12, "b", "id")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "holds no runbooks"),
        ("a: [", "not YAML"),
        ("name: A\nname: B\nsteps: []", "name is given twice in line 2"),
        ("!!python/object/apply:os.system ['true']", "not YAML"),
        ("a: &a [*a]", "refers to itself"),
        (
            "a: &a [1,1,1,1,1,1,1,1,1]\n"
            + "".join(f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)),
            "too large",
        ),
        ("- " * 2000, "nested too deeply"),
        ("\x01", "not YAML"),
        ("name: " + "x" * 300_000, "larger than 300 KB"),
    ],
    ids=lambda given: given[:20],
)
def test_what_is_no_file_of_runbooks_is_refused(text, why):
    with pytest.raises(UnreadableFile, match=why):
        load(text)


def test_written_and_read_again_it_is_the_same():
    specs = load(WHOLE + "---\nid: b\nname: 'yes'\ndescription: |\n  two\n  lines\nsteps: [{wait: 1s}]\n").specs
    again = load(dump(spec.raw for spec in specs)).specs
    assert [spec.raw for spec in again] == [spec.raw for spec in specs]


def test_times_and_dates_stay_texts():
    spec = load("name: A\ntags: [2026-01-01, 12:30, 010]\nsteps: [{wait: 1s}]").specs[0]
    assert spec.tags == ("2026-01-01", "12:30", "010")


def test_a_place_that_is_not_there_has_the_line_of_the_nearest():
    lines = runbook_files.lines_of(WHOLE, ["steps[0].action.verb", "steps[9]", "success[0]", "nothing", "rollback[0].notify"])
    assert lines == {"steps[0].action.verb": 11, "steps[9]": 9, "success[0]": 23, "nothing": 2, "rollback[0].notify": 25}


# -- differences -------------------------------------------------------------------------------------------------------
OLD = {"id": "a", "name": "A", "risk": "low", "steps": [{"id": "x", "wait": "1s"}, {"id": "y", "wait": "2s"}]}


def test_a_change_is_told_by_the_id_of_its_step():
    new = {**OLD, "risk": "high", "steps": [{"id": "x", "wait": "1s"}, {"id": "y", "wait": "5s"}, {"id": "z", "notify": "over"}]}
    assert [str(one) for one in changes(OLD, new)] == [
        "risk: low → high",
        "steps[y].wait: 2s → 5s",
        'steps[z]: nothing → {"id": "z", "notify": "over"}',
    ]


def test_steps_that_change_places_are_one_change():
    assert [str(one) for one in changes(OLD, {**OLD, "steps": OLD["steps"][::-1]})] == ["steps: x, y → y, x"]


def test_the_order_of_names_is_no_difference():
    turned = {name: OLD[name] for name in reversed(OLD)}
    assert changes(OLD, turned) == []
    assert diff(OLD, turned) == []


def test_lines_that_differ_have_the_numbers_of_both_sides():
    found = diff(OLD, {**OLD, "name": "B"})
    assert [(one.kind, one.text, one.old, one.new) for one in found[:3]] == [
        (" ", "id: a", 1, 1),
        ("-", "name: A", 2, None),
        ("+", "name: B", None, 2),
    ]
    assert {one.kind for one in diff({}, OLD)} == {"+"}
