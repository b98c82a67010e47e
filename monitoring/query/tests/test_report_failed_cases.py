from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from monitoring.query.promqltest.compare import almost_equal
from monitoring.query.promqltest.reader import Broken, Clear, Eval, Load, commands
from monitoring.query.promqltest.run import Failure, run
from monitoring.query.promqltest.series import HISTOGRAM, FormatError, samples, series
from monitoring.store.batch import is_stale

pytestmark = pytest.mark.once

GOOD = """
load 1m
  up{job="a"} 1 2 3

eval instant at 2m up
  up{job="a"} 3
"""


def _failures(text: str) -> list[Failure]:
    return [outcome for outcome in run(text) if outcome is not None]


def _with(case: str) -> str:
    return GOOD + "\n" + case


@pytest.mark.parametrize(
    ("case", "wanted", "got"),
    [
        ('eval instant at 2m up\n  up{job="a"} 4', "4.0", "3.0"),
        ("eval instant at 2m up", "nothing", "unexpected series"),
        ('eval instant at 2m up\n  up{job="a"} 3\n  up{job="b"} 3', "'job': 'b'", "missing series"),
        ("eval instant at 2m count(up)\n  1", "1.0", "series were not expected"),
        ("eval instant at 2m 1 + 1\n  3", "3.0", "2.0"),
        ('eval instant at 2m "a"\n  expect string "b"', "'b'", "'a'"),
        ("eval instant at 2m up +\n  {} 1", "1.0", "1:5: parse error: unexpected end of input"),
        ("eval instant at 2m up\n  expect fail", "error", "3.0"),
        ("eval instant at 2m up +\n  expect fail msg: other", "other", "unexpected end of input"),
        ("eval instant at 2m up +\n  expect fail regex: ^other", "other", "unexpected end of input"),
        ('eval instant at 2m up\n  expect warn\n  up{job="a"} 3', "warn annotations", "none"),
        ("eval instant at 2m rate(up[5m])\n  expect no_info", "no info", "might not be a counter"),
        ("eval instant at 2m rate(up[5m])\n  expect info msg: other", "info: other", "might not be a counter"),
        ('eval range from 0 to 2m step 1m up\n  up{job="a"} 1 2 _', "None", "values at other times"),
        ('eval range from 0 to 2m step 1m up\n  up{job="a"} 1 2 3 4', "4.0", "more than there are steps"),
        ('eval range from 0 to 2m step 1m up\n  up{job="a"} 1 2 3.1', "3.1", "3.0 instead of 3.1 at 120s"),
        (
            'eval_ordered instant at 2m sort_desc(up or label_replace(up, "job", "b", "", "") + 1)\n  up{job="a"} 3\n  {job="b"} 4',
            "4.0",
            "at place 2 instead of 1",
        ),
    ],
)
def test_a_wrong_case_tells_what_was_expected_and_what_came(case: str, wanted: str, got: str) -> None:
    (failure,) = _failures(_with(case))
    assert wanted in failure.expected
    assert got in failure.got
    assert failure.line == 7 + 1


def test_a_good_file_has_no_failures() -> None:
    assert list(run(GOOD)) == [None]


def test_cases_go_on_after_one_that_cannot_be_read() -> None:
    text = _with(
        "nonsense here\n\neval instant at nowhere up\n\neval instant at 1m up\n  up{job=a} 2\n\neval instant at 1m up\n  up{job='a'} 2\n"
    )
    outcomes = list(run(text))
    assert [outcome and outcome.line for outcome in outcomes] == [None, 8, 10, 12, None]


def test_native_histograms_fail_with_one_reason_and_leave_the_rest_alone() -> None:
    text = """
load 1m
  mixed{k="1"} {{schema:0 sum:1 count:1}}x3
  mixed{k="2"} 1 2 3

load_with_nhcb 1m
  lat_bucket{le="1"} 1 1
  lat_bucket{le="+Inf"} 2 2

eval instant at 1m mixed{k="1"}
  mixed{k="1"} {{schema:0 sum:1 count:1}}

eval instant at 1m count(mixed)
  {} 2

eval instant at 1m histogram_quantile(0.5, lat)
  {} 1

eval instant at 1m sum(mixed{k="2"}) + sum(lat_bucket)
  {} 5
"""
    outcomes = list(run(text))
    assert outcomes[3] is None
    assert all(outcome and "native histograms are not supported" in outcome.got for outcome in outcomes[:3])


def test_a_range_query_that_answers_otherwise_than_the_instant_one_fails_the_case() -> None:
    text = 'load 1m\n  a{l="1"} _ 1\n  b{l="1"} 2 stale\n\neval instant at 1m -{__name__=~"a|b"}\n  {l="1"} -1\n'
    assert list(run(text)) == [None]
    late = 'load 1m\n  a{l="1"} 1 1 1\n  b{l="1"} _ _ 2\n\neval instant at 1m -{__name__=~"a|b"}\n  {l="1"} -1\n'
    (failure,) = _failures(late)
    assert "in range mode" in failure.got


def test_series_notation() -> None:
    assert samples("1 _ 2+3x2 _x2 4-1x1 7x1") == [1, None, 2, 5, 8, None, None, 4, 3, 7, 7]
    assert samples("-Inf 1e3 .5 0x2") == [float("-inf"), 1000, 0.5, 0, 0, 0]
    assert samples("{{schema:1 count:2}} {{count:1}}+{{count:1}}x2") == [HISTOGRAM] * 4
    (stale,) = samples("stale")
    assert is_stale([stale]).all()
    assert series('{"a.b", "c d"=\'e\', f=`g`} 1') == ({"__name__": "a.b", "c d": "e", "f": "g"}, [1])
    for wrong in ("1+2", "x", "1x", "_y", "1 2 three"):
        with pytest.raises(FormatError):
            samples(wrong)


def test_commands_of_a_file() -> None:
    found = list(commands("CLEAR\nload 5s\n a 1\n# note\n\neval_warn range from 0 to 1m step 10s sum(a)\n  {} 1x6\n\nload 1q\n"))
    assert [type(command) for command in found] == [Clear, Load, Eval, Broken]
    assert (found[1].interval, found[2].end, found[2].step, found[2].query) == (5000, 60_000, 10_000, "sum(a)")


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (1, 1 + 1e-7, True),
        (1, 1 + 1e-5, False),
        (0, 1e-300, False),
        (0, 1e-320, True),
        (float("nan"),) * 2 + (True,),
        (1e308, -1e308, False),
    ],
)
def test_numbers_may_differ_by_a_millionth(a: float, b: float, same: bool) -> None:
    assert almost_equal(a, b) is same


def test_the_command_counts_and_says_where(tmp_path: Path) -> None:
    (tmp_path / "good.test").write_text(GOOD)
    (tmp_path / "bad.test").write_text(_with("eval instant at 2m up * 2\n  {job='a'} 7\n"))
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("promql_test", tmp_path / "good.test", tmp_path / "bad.test", stdout=out)
    assert ended.value.code == 1
    lines = out.getvalue().splitlines()
    assert lines[0] == f"{tmp_path}/bad.test:8: up * 2"
    assert lines[1].strip().startswith("expected: {'job': 'a'} [7.0]")
    assert "6.0" in lines[2]
    assert lines[-1] == "passed 2 failed 1"


def test_the_command_ends_well_when_all_passed(tmp_path: Path) -> None:
    (tmp_path / "good.test").write_text(GOOD)
    out = StringIO()
    call_command("promql_test", tmp_path / "good.test", stdout=out)
    assert out.getvalue() == "passed 1 failed 0\n"


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"nowhere\.test"):
        call_command("promql_test", tmp_path / "nowhere.test")
