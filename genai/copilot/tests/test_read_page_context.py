"""Which page a question is asked from."""

from typing import Any

import pytest

from genai.copilot import examples, page_context

pytestmark = pytest.mark.urls("aiops.urls")


@pytest.mark.parametrize(
    ("path", "subject"),
    [
        ("/incidents/7/", "incident:7"), ("/resources/3/", "resource:3"), ("/alerts/5/", "alert:5"),
        ("/remediation/cases/12/", "execution:12"),
        ("/alerts/", "page:alerts"), ("/", "page:overview"), ("/explore/", "page:explorer"), ("/nowhere/at/all", ""), ("", ""),
        ("https://evil.example/incidents/7/", ""),
    ],
)  # fmt: skip
def test_the_address_says_what_the_page_is_about(path: str, subject: str) -> None:
    assert page_context.of_page(path).subject == subject


def test_a_page_without_a_title_is_named_after_its_address() -> None:
    assert page_context.of_page("/incidents/7/").title == "INC-7"
    assert page_context.of_page("/remediation/cases/12/").title == "RUN-12"
    assert page_context.of_page("/alerts/").title == "Alerts"
    assert page_context.of_page("/incidents/7/", title=" INC-7\n\x07 now ").title == "INC-7 now"


@pytest.mark.parametrize(
    ("query", "given", "span"),
    [
        ("range=now-3h&q=up", "", "range=now-3h"), ("?from=now-2h&to=now", "", "from=now-2h&to=now"),
        ("q=up", "range=now-1h", "range=now-1h"),
        ("range=now-6h", "range=now-1h", "range=now-6h"), ("range=soon", "", ""), ("range=now-999999w", "", ""), ("", "from=x", ""),
        ("&".join(f"a{n}=1" for n in range(2000)), "", ""),
        ("from=99999999999999", "range=now-1h", "range=now-1h"),
    ],
)  # fmt: skip
def test_the_time_is_the_addresss_or_the_one_the_page_shows(query: str, given: str, span: str) -> None:
    assert page_context.of_page("/explore/", query, span=given).context["range"] == span


def test_a_time_that_was_kept_means_moments() -> None:
    assert page_context.bounds("range=now-3h").span_ms == 3 * 3_600_000


def test_what_a_browser_sends_is_cut() -> None:
    page: Any = page_context.of_page("/alerts/" + "x" * 900, "q=" + "y" * 9000, "z" * 900)
    assert page.subject == ""
    assert page.context["path"] == ""
    assert len(page.context["query"]) <= page_context.LONGEST_QUERY
    assert len(page.title) <= page_context.LONGEST_TITLE


def test_questions_that_fit_come_first_and_none_twice() -> None:
    asked = examples.fitting(page_context.of_page("/resources/3/", title="web-03"))
    assert asked[0] == "Why is web-03 slow?"
    assert len(asked) == len(set(asked)) == examples.SHOWN
    assert "Why is this slow?" in examples.fitting(page_context.of_page("/resources/3/", title="n" * 90))
    assert examples.fitting(page_context.of_page("/forecasts/"))[0] == "Which disks fill this month?"
    assert len(examples.fitting(page_context.of_page(""))) == examples.SHOWN
