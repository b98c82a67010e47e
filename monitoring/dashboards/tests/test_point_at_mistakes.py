import pytest

from monitoring.dashboards.explorer_views import wrong
from monitoring.dashboards.query_errors import mistake

pytestmark = pytest.mark.once

MARKED = [  # the mistake stands between « and »
    ("sum«(»rate(x[5m])", "never closed"),
    ('rate(x{a="b",c«>»5}[5m])', "compared with =, !="),
    ("foo «bar»", "operator is missing"),
    ("1 «+»", "value is missing after +"),
    ("x«{»", "never closed"),
    ("«sumx»(a)", "no function sumx"),
    ('x{a="b" «c»="d"}', "comma"),
    ("x{a=«b»}", "stands in quotes"),
    ("sum(x)«)»", "Nothing is open"),
    ("x «=» 5", "compared with =="),
    ('x{a=«"b»', "no closing quote"),
    ("a / «*» b", "missing before *"),
    ("rate(x[«5x»])", "5x"),
    ("rate(«x»)", "window of samples"),
    ('x{a=~«"["»}', "regular expression"),
    ("«»", "empty"),
    ("sum by «a» (x)", "in brackets after by"),
    ("«{»}", "at least one label"),
    ('topk("a", «x»)', "Expected type scalar"),
    ("x[5m]«»", "a function such as rate"),
]


@pytest.mark.parametrize(("marked", "words"), MARKED)
def test_the_place_of_a_mistake_is_found(marked, words):
    start, end = marked.index("«"), marked.index("»") - 1
    text = marked.replace("«", "").replace("»", "")
    found = wrong(text)
    assert (found.start, found.end) == (start, end), found
    assert words in found.message


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("x{a=b}", 'x{a="b"}'),
        ("x = 5", "x == 5"),
        ('x{c>"5"}', 'x{c=~"5"}'),
        ("sum(x))", "sum(x)"),
        ("rate(x)", "rate(x[5m])"),
        ("sum by a (x)", "sum by (a) (x)"),
    ],
)
def test_what_is_offered_instead_is_right(text, mended):
    found = wrong(text)
    assert text[: found.start] + found.fix + text[found.end :] == mended
    assert wrong(mended) is None


@pytest.mark.parametrize(("text", "unfinished"), [("sum(x", True), ("1 +", True), ('x{a="', True), ("sum(x))", False), ("foo bar", False)])
def test_what_is_only_unfinished_is_told_from_what_is_wrong(text, unfinished):
    assert wrong(text).unfinished is unfinished


@pytest.mark.parametrize(
    "text",
    [
        "sum without (a) (x) > bool 5",
        "rate(x[5m] offset 1d) / on (a) group_left y",
        "x offset 5m + y @ 1609746000",
        "-x ^ 2",
        'count_values("v", x)',
        "avg_over_time(x[1h:5m])",
        '{__name__=~"a|b"} and on () y',
        "histogram_quantile(0.9, sum by (le) (rate(x[5m])))",
        "x @ end()",
        "topk(3, x) or vector(0)",
        "x == 5 # comment",
    ],
)
def test_in_a_right_query_no_mistake_is_invented(text):
    """The walk is only asked after a refusal; what it finds in right queries it would also find before the true mistake."""
    assert wrong(text) is None
    end = len(text)
    assert (mistake(text, "…").start, mistake(text, "…").end) == (end, end)


@pytest.mark.parametrize("text", [" ", "\n", "# only a remark "])
def test_a_mistake_lies_within_the_text(text):
    found = wrong(text)
    assert found.message == "The query is empty."
    assert 0 <= found.start <= found.end <= len(text)


def test_the_parsers_own_place_counts():
    found = mistake("sum(x) + foo", "no such thing", 9)
    assert (found.start, found.end, found.message) == (9, 12, "No such thing.")
