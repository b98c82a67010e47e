import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.query.automaton import Automaton, is_risky
from monitoring.query.errors import ParseError
from monitoring.query.regex import compile_anchored, compile_capturing, matcher

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("a", "ab", False),
        ("a|b", "b", True),
        ("a.b", "a\nb", True),
        ("(?-s).", "\n", False),
        ("(?i)abc", "ABC", True),
        ("a|(?i)b|c", "C", True),
        ("a|(?i)b|c", "A", False),
        ("x(?i)a|b", "B", True),
        ("x(?i)a|b", "xB", False),
        ("(?i)(a|b(?-i)c)d", "BcD", True),
        ("(?i)(a|b(?-i)c)d", "BCD", False),
        ("(?i:a)b", "AB", False),
        ("(?P<first>a)(?<second>b)", "ab", True),
        ("[[:alpha:][:digit:]]+", "a1", True),
        ("[^[:space:]]", " ", False),
        (r"\d\w\s", "1a ", True),
        (r"\d", "٣", False),
        (r"\w", "é", False),
        (r"[\d-]+", "1-2", True),
        (r"\pL+", "éα", True),
        (r"\p{Lu}\P{L}", "Σ1", True),
        (r"[\p{Nd}x]+", "x٣", True),
        (r"\x{1F600}", "😀", True),
        (r"\Qa.b\E+", "a.bb", True),
        (r"a\z", "a", True),
        ("[]a]", "]", True),
        ("[^]a]", "]", False),
        ("[[]", "[", True),
        ("[a&&b]+", "a&b", True),
        ("", "", True),
        ("a$", "a\n", False),
    ],
)
def test_it_matches_as_re2_would(pattern: str, text: str, matches: bool) -> None:
    assert bool(compile_anchored(pattern).fullmatch(text)) is matches
    assert matcher(pattern)(text) is matches
    assert Automaton(compile_anchored(pattern).pattern).fullmatch(text) is matches


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "[a",
        "*a",
        "a(?=b)",
        "(?<!a)b",
        r"(a)\1",
        "a++",
        "(?>a)",
        "(?P=a)",
        "a{1001}",
        "(?U)a",
        r"\C",
        r"\p{Greek}",
        r"\p{Nonsense}",
        "a{2}{",
    ],
)
def test_what_re2_refuses_is_refused(pattern: str) -> None:
    if pattern == "a{2}{":
        compile_anchored(pattern)  # a brace that begins no repetition is itself, in both
        return
    with pytest.raises(ParseError, match="error parsing regexp"):
        compile_anchored(pattern)


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|aa)*b", "(.*)*x", "((a?){20}){20}b", ".*a.*a.*a.*a.*a.*b", "(?i)(A+)+B", "(a*?)*b"])
def test_patterns_that_would_take_python_forever_do_not(pattern: str) -> None:
    assert is_risky(compile_anchored(pattern).pattern)
    assert not matcher(pattern)("a" * 500)
    assert matcher(pattern)("a" * 500 + ("x" if pattern == "(.*)*x" else "b")) is (pattern != "((a?){20}){20}b")


@pytest.mark.parametrize("pattern", ["a+", "(eu|us)-[0-9]+", ".*foo.*", "(?i)prod(uction)?", "[^:]+:(9100|9090)", "(a|b)+", "(abc){3}"])
def test_usual_patterns_are_left_to_python(pattern: str) -> None:
    assert not is_risky(compile_anchored(pattern).pattern)


def test_groups_of_a_risky_pattern_are_refused() -> None:
    with pytest.raises(ParseError, match="repetition within a repetition"):
        compile_capturing("(a+)+b")


def test_too_large_a_pattern_is_refused() -> None:
    with pytest.raises(ParseError, match="too large"):
        matcher("((a|bc){1000}){1000}")


_ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "(?i:A)", "^", "$", r"\b", "ab"])
_PATTERNS = st.recursive(
    _ATOMS,
    lambda part: st.one_of(
        st.builds("{}{}".format, part, part),
        st.builds("(?:{}|{})".format, part, part),
        st.builds("(?:{}){}".format, part, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "*?"])),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(_PATTERNS, st.text(alphabet="abAx\n", max_size=6))
def test_both_engines_agree(pattern: str, text: str) -> None:
    # Python's $ also holds before a last newline, RE2's does not.
    assert Automaton(pattern).fullmatch(text) is (re.compile(pattern.replace("$", r"\Z"), re.DOTALL).fullmatch(text) is not None)
