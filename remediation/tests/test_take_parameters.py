"""What is given is of the type that is declared, within its limits, or refused with a sentence at its field."""

import pytest

from remediation.parameters import ParameterError, defaults, validate
from remediation.providers.base import Parameter

pytestmark = pytest.mark.once
CONTEXT = {"alert": {"labels": {"mountpoint": "/srv", "limit": "12"}}}


@pytest.mark.parametrize(
    ("field", "given", "taken"),
    [
        (Parameter("x"), 5, "5"),
        (Parameter("x"), "{{ 7*7 }}", "{{ 7*7 }}"),
        (Parameter("x", pattern="[a-z]+"), "abc", "abc"),
        (Parameter("x", "integer"), "5", 5),
        (Parameter("x", "integer"), 5.0, 5),
        (Parameter("x", "number"), "2.5", 2.5),
        (Parameter("x", "boolean"), "on", True),
        (Parameter("x", "boolean"), False, False),
        (Parameter("x", "duration"), "1h30m", 5400.0),
        (Parameter("x", "duration"), 90, 90.0),
        (Parameter("x", "duration"), "90", 90.0),
        (Parameter("x", "choice", choices=("a", "b")), "b", "b"),
        (Parameter("x", "list"), "a\n\n b ", ["a", "b"]),
        (Parameter("x", "list"), [1, "b"], ["1", "b"]),
        (Parameter("x", "object"), '{"a": [1]}', {"a": [1]}),
    ],
)
def test_it_is_taken_as_its_type(field, given, taken):
    found = validate([field], {"x": given})["x"]
    assert found == taken
    assert type(found) is type(taken)


@pytest.mark.parametrize(
    ("field", "given", "why"),
    [
        (Parameter("x"), {"a": 1}, "a text is needed"),
        (Parameter("x"), "a\0", "NUL"),
        (Parameter("x"), "a\ud800", "not valid Unicode"),
        (Parameter("x", "object"), {"a": "\0"}, "NUL"),
        (Parameter("x", "object"), {"a": "\ud800"}, "not valid Unicode"),
        (Parameter("x"), "a" * 4001, "at most 4000"),
        (Parameter("x", pattern="[a-z]+"), "abc; reboot", "does not match"),
        (Parameter("x", pattern="[a-z]+"), "abc\n", "does not match"),
        (Parameter("x", "integer"), 1.5, "a whole number"),
        (Parameter("x", "integer"), True, "a number is needed"),
        (Parameter("x", "integer"), "1e400", "finite"),
        (Parameter("x", "integer", minimum=2, maximum=9), 1, "at least 2"),
        (Parameter("x", "integer", minimum=2, maximum=9), 10, "at most 9"),
        (Parameter("x", "number"), "nan", "finite"),
        (Parameter("x", "number"), "many", "is not a number"),
        (Parameter("x", "boolean"), "maybe", "true or false"),
        (Parameter("x", "duration"), "soon", "is not a duration"),
        (Parameter("x", "duration"), -5, "a duration is needed"),
        (Parameter("x", "duration", maximum=3600), "2h", "at most 1h is allowed, not 2h"),
        (Parameter("x", "choice", choices=("a", "b")), "c", "one of a, b"),
        (Parameter("x", "list"), 5, "a list is needed"),
        (Parameter("x", "list"), ["a"] * 201, "at most 200"),
        (Parameter("x", "object"), "[1]", "a mapping"),
        (Parameter("x", "object"), "{", "Expecting"),
        (Parameter("x", "object"), {"a": float("nan")}, "not JSON compliant"),
        (Parameter("x", "object"), {"a": "x" * 40_000}, "at most 32000"),
        (Parameter("x", "colour"), "red", "There is no type 'colour'"),
    ],
)
def test_it_is_refused_with_a_sentence_at_its_field(field, given, why):
    with pytest.raises(ParameterError) as caught:
        validate([field], {"x": given})
    assert caught.value.field == "x"
    assert why in caught.value.sentence


def test_a_mapping_within_mappings_without_end_is_refused():
    deep: dict = {}
    for _ in range(2000):
        deep = {"a": deep}
    with pytest.raises(ParameterError, match="at most 12 levels"):
        validate([Parameter("x", "object")], {"x": deep})


def test_what_is_not_given_has_its_default_or_is_left_out_or_is_asked_for():
    fields = [Parameter("a", default="5"), Parameter("b"), Parameter("c", "integer", "Count", required=True)]
    assert validate(fields, {"c": 1, "b": ""}) == {"a": "5", "c": 1}
    with pytest.raises(ParameterError) as caught:
        validate(fields, {})
    assert (caught.value.field, caught.value.sentence) == ("c", "Count has to be given.")


def test_what_nobody_declared_is_refused():
    with pytest.raises(ParameterError, match="There is no parameter 'd'; there are a"):
        validate([Parameter("a")], {"d": 1})


def test_a_default_is_filled_in_from_the_alert_and_then_checked_like_any_other():
    field = Parameter("where", default="{{ alert.labels.mountpoint }}", required=True, pattern="/.*")
    assert validate([field], {}, CONTEXT) == {"where": "/srv"}
    assert validate([Parameter("n", "integer", default="{{ alert.labels.limit }}")], {}, CONTEXT) == {"n": 12}
    with pytest.raises(ParameterError, match="does not match"):
        validate([field], {}, {"alert": {"labels": {"mountpoint": "; reboot"}}})
    with pytest.raises(ParameterError, match="has to be given"):
        validate([field], {}, {})


def test_a_form_has_the_defaults_that_can_be_filled_in():
    fields = [
        Parameter("a", default="{{ alert.labels.mountpoint }}"), Parameter("b", default="{{ resource.name }}"),
        Parameter("c", "duration", default="7d"), Parameter("d", "integer", default="{{ alert.labels.mountpoint }}"),
    ]  # fmt: skip
    assert defaults(fields, CONTEXT) == {"a": "/srv", "c": 604800.0}
