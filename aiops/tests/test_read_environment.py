import re
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from aiops import env

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"""["'](AIOPS_[A-Z_]+|DATABASE_URL|REDIS_URL|PORT|FACTS_VALUE_RANGE)["']""")


def read_by_the_product() -> set[str]:
    apps = ("aiops", "accounts", "monitoring", "forecasting", "remediation")
    files = [path for app in apps for path in (ROOT / app).rglob("*.py") if "tests" not in path.parts]
    return {name for path in files for name in NAMED.findall(path.read_text(encoding="utf-8"))}


def listed_in(path: Path) -> set[str]:
    return set(re.findall(r"^([A-Z_]+)=", path.read_text(encoding="utf-8"), re.M))


def test_env_example_lists_every_variable_that_is_read_and_no_other():
    compose = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    listed = listed_in(ROOT / ".env.example")
    read = read_by_the_product()
    assert read - listed == set()
    assert listed - read - compose == set()
    assert compose - listed == set()


@pytest.mark.parametrize(("value", "meaning"), [("true", True), ("On", True), ("0", False), ("no", False)])
def test_a_flag_is_read(monkeypatch, value, meaning):
    monkeypatch.setenv("AIOPS_X", value)
    assert env.flag("AIOPS_X") is meaning


def test_a_wrong_value_stops_with_the_variables_name(monkeypatch):
    monkeypatch.setenv("AIOPS_X", "maybe")
    with pytest.raises(ImproperlyConfigured, match="AIOPS_X is 'maybe'; write true or false"):
        env.flag("AIOPS_X")
    with pytest.raises(ImproperlyConfigured, match="write a number"):
        env.number("AIOPS_X", 1)


def test_an_empty_variable_counts_as_not_given(monkeypatch):
    monkeypatch.setenv("AIOPS_X", "  ")
    assert env.text("AIOPS_X", "default") == "default"
    assert env.number("AIOPS_X", 3) == 3
    assert env.words("AIOPS_X", "a, b,") == ["a", "b"]


@pytest.mark.parametrize("value", ["nan", "inf", "-1e400", "many"])
def test_what_is_no_number_is_refused(monkeypatch, value):
    monkeypatch.setenv("AIOPS_X", value)
    with pytest.raises(ImproperlyConfigured, match=f"AIOPS_X is '{value}'; write a number"):
        env.number("AIOPS_X", 1)


@pytest.mark.parametrize(("value", "wanted"), [("-1", "from 0 to 10"), ("11", "from 0 to 10"), ("1.5", "a whole number")])
def test_a_number_out_of_range_is_refused(monkeypatch, value, wanted):
    monkeypatch.setenv("AIOPS_X", value)
    with pytest.raises(ImproperlyConfigured, match=f"AIOPS_X is '{value}'; write .*{wanted}"):
        env.whole("AIOPS_X", 1, 0, 10)


def test_a_choice_is_read_in_any_case_and_a_wrong_one_refused(monkeypatch):
    monkeypatch.setenv("AIOPS_X", "info")
    assert env.one_of("AIOPS_X", "DEBUG", ("DEBUG", "INFO")) == "INFO"
    monkeypatch.setenv("AIOPS_X", "loud")
    with pytest.raises(ImproperlyConfigured, match="AIOPS_X is 'loud'; write one of DEBUG, INFO"):
        env.one_of("AIOPS_X", "DEBUG", ("DEBUG", "INFO"))


@pytest.mark.parametrize("value", ["1200", "x/min", "12/fortnight", "-1/min", "0.5/s"])
def test_a_wrong_rate_is_refused(monkeypatch, value):
    assert env.rate("AIOPS_X", "1200/min") == "1200/min"
    monkeypatch.setenv("AIOPS_X", value)
    with pytest.raises(ImproperlyConfigured, match=r"AIOPS_X is .*; write a rate such as 1200/min"):
        env.rate("AIOPS_X", "1200/min")


def test_a_span_has_a_least_and_a_most(monkeypatch):
    assert env.span("AIOPS_X", (0, 100)) == (0, 100)
    for value in ("-5, 7.5", "-5:7.5", "-5..7.5", "-5-7.5"):
        monkeypatch.setenv("AIOPS_X", value)
        assert env.span("AIOPS_X", (0, 100)) == (-5, 7.5)
    for value in ("5", "7,5", "nan,1", "a-b"):
        monkeypatch.setenv("AIOPS_X", value)
        with pytest.raises(ImproperlyConfigured, match="write the least and the most"):
            env.span("AIOPS_X", (0, 100))
