import pytest

from monitoring.query.errors import ParseError
from monitoring.query.regex import compile_anchored


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
