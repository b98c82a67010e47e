import re

import pytest

from monitoring.dashboards.completion import complete, context
from monitoring.dashboards.explorer_views import wrong
from monitoring.dashboards.promql_words import CALLABLE
from monitoring.store import metadata

AT_THE_CARET = [  # | is the caret
    ("|", ("word", "")),
    ("ra|", ("word", "ra")),
    ("sum by (instance) (ra|", ("word", "ra")),
    ("sum by (ins|", ("label", "ins")),
    ("a / on (in|", ("label", "in")),
    ("up{|", ("label", "")),
    ("up{in|", ("label", "in")),
    ('up{job="node",in|}', ("label", "in")),
    ('up{job="no|', ("value", "no")),
    ('up{job=~"no|"}', ("value", "no")),
    ("rate(up[|", ("duration", "")),
    ("rate(up[5|", ("duration", "5")),
    ("up{job|=", ("label", "job")),
    ('up{job="x" |', ("nothing", "")),
    ('label_replace(up, "de|', ("nothing", "")),
    ("5|", ("nothing", "5")),
]


@pytest.mark.parametrize(("text", "expected"), AT_THE_CARET)
def test_the_text_before_the_caret_tells_what_may_stand_there(text, expected):
    at = text.index("|")
    found = context(text.replace("|", ""), at)
    assert (found.kind, found.typed) == expected


def test_a_value_belongs_to_its_label_metric_and_the_other_matchers():
    found = context('up{job="node", site!="x", instance="we', len('up{job="node", site!="x", instance="we'))
    assert (found.metric, found.label) == ("up", "instance")
    assert found.matchers == (("job", "=", "node"), ("site", "!=", "x"))


def test_a_grouping_knows_the_metrics_of_the_whole_query():
    text = "sum by (i) (rate(requests_total{code=~'5..'}[5m])) / errors"
    assert context(text, 9).metrics == ("requests_total", "errors")


@pytest.fixture
def series(watch, sample):
    for name, site in (("web-1", "fra"), ("web-2", "ams"), ("db-1", "fra")):
        sample(watch(name), [("http_requests_total", {"site": site, "path": 'a"b'}, [1.0]), ("http_errors", {"code": "5"}, [1.0])])
    metadata.record({"http_requests_total": metadata.Description("counter", "", "Requests that were answered.")})


def labels(text):
    return [item["label"] for item in complete(text, len(text))["items"]]


@pytest.mark.django_db
def test_metrics_come_with_what_is_said_of_them(series):
    [found] = complete("http_r", 6)["items"]
    assert (found["kind"], found["label"], found["insert"], found["hint"]) == (
        "M",
        "http_requests_total",
        "http_requests_total",
        "3 series",
    )
    assert (found["text"], found["tags"]) == ("Requests that were answered.", ["counter"])


@pytest.mark.django_db
def test_words_inside_a_name_are_found_after_those_at_its_beginning(series):
    assert labels("err")[0] == "http_errors"
    assert labels("rat")[0] == "rate"


@pytest.mark.django_db
def test_labels_are_those_of_the_metric_and_not_those_compared_already(series):
    assert labels('http_errors{code="5",') == ["instance"]


@pytest.mark.django_db
def test_values_are_those_that_the_other_matchers_leave(series):
    text = 'http_requests_total{site="fra", instance="'
    assert labels(text) == ["db-1", "web-1"]
    assert complete(text, len(text))["items"][0]["insert"] == 'db-1"'


@pytest.mark.django_db
def test_a_value_is_written_as_the_language_wants_it(series):
    text = 'http_requests_total{path="'
    assert complete(text, len(text))["items"][0]["insert"] == 'a\\"b"'


@pytest.mark.django_db
def test_a_closing_quote_is_not_written_twice(series):
    assert complete('up{site="f"}', 10)["items"] == []
    assert complete('http_requests_total{site="f"}', 27)["items"][0]["insert"] == "fra"


@pytest.mark.django_db
def test_half_a_regular_expression_elsewhere_completes_nothing(series):
    assert complete('http_errors{code=~"(", instance="', 33)["items"] == []


@pytest.mark.django_db
def test_a_grouping_offers_bare_names(series):
    text = "sum by (si) (http_requests_total)"
    assert [item["insert"] for item in complete(text, 10)["items"]] == ["site"]


@pytest.mark.parametrize("name", CALLABLE)
def test_every_function_that_is_offered_exists(name):
    refused = wrong(f"{name}(x)")
    assert refused is None or not re.search("no function|unknown function", refused.message)
