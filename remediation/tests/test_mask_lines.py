import pytest

from remediation import lines
from remediation.models import LogLine, Step
from remediation.providers.base import LONGEST_LINE, MOST_LINES, Line
from remediation.tests import stage

HIDDEN = "[hidden]"


@pytest.mark.once
@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("password=hunter2 next", f"password={HIDDEN} next"),
        ("DB_PASSWORD: 'two words' next", f"DB_PASSWORD: {HIDDEN} next"),
        ('{"api_key": "abc", "n": 1}', f'{{"api_key": {HIDDEN}, "n": 1}}'),
        ("mysql --password hunter2 -e x", f"mysql --password {HIDDEN} -e x"),
        ("mysql --password=hunter2 -e x", f"mysql --password={HIDDEN} -e x"),
        ("Authorization: Bearer abc.def.ghi", f"Authorization: {HIDDEN}"),
        ("sent Bearer abcdefgh1234", f"sent Bearer {HIDDEN}"),
        ("postgres://app:s3cret@db:5432/x", f"postgres://app:{HIDDEN}@db:5432/x"),
        ("https://user:tok%40en@host/x?token=abc&page=2", f"https://user:{HIDDEN}@host/x?token={HIDDEN}&page=2"),
        ("key AKIAABCDEFGHIJKLMNOP here", f"key {HIDDEN} here"),
        ("2 tokens left, password changed", "2 tokens left, password changed"),
        ("deleted 7 files of /var/tmp", "deleted 7 files of /var/tmp"),
    ],
)
def test_secrets_are_masked_and_nothing_else(given, shown):
    assert lines.mask(given) == shown


@pytest.mark.once
def test_a_private_key_over_several_lines_is_one_masked_line():
    block = ["before", "-----BEGIN RSA PRIVATE KEY-----", "MIIE", "abcd", "-----END RSA PRIVATE KEY-----", "after"]
    found, inside = lines.masked([Line("\n".join(block))])
    assert [one.text for one in found] == ["before", HIDDEN, "after"]
    assert not inside


@pytest.mark.once
def test_control_characters_are_left_out():
    found, _ = lines.masked([Line("\x1b[31mred\x1b[0m\r\x00 end")])
    assert [one.text for one in found] == ["red", " end"]


@pytest.fixture
def step(db):
    execution = stage.propose()
    return Step.objects.create(execution=execution, position=0, name="one", title="One", kind="action")


def test_what_the_provider_knows_as_secret_is_masked(step):
    lines.add(step, [Line("opened with tiger-lily")], stage.Fake({}, {"password": "tiger-lily"}))
    assert step.lines.get().text == f"opened with {HIDDEN}"


def test_a_key_that_is_cut_between_two_answers_is_masked(step):
    lines.add(step, [Line("-----BEGIN PRIVATE KEY-----"), Line("MIIE")])
    lines.add(step, [Line("abcd"), Line("-----END PRIVATE KEY-----"), Line("done")])
    assert list(step.lines.order_by("id").values_list("text", flat=True)) == [HIDDEN, "done"]


def test_too_much_output_is_cut_and_says_so_once(step):
    for _ in range(2):
        lines.add(step, [Line(f"line {number}") for number in range(MOST_LINES)])
    assert step.lines.count() == MOST_LINES + 1
    assert step.lines.filter(text=lines.CUT).count() == 1


def test_a_line_that_is_too_long_is_cut(step):
    lines.add(step, [Line("x" * 10_000)])
    assert len(LogLine.objects.get().text) == LONGEST_LINE + 2


def test_lines_are_shown_to_those_who_watch(step, monkeypatch, django_capture_on_commit_callbacks):
    told = []
    monkeypatch.setattr(lines.publish, "publish", lambda topic, payload: told.append((topic, payload)))
    with django_capture_on_commit_callbacks(execute=True):
        lines.add(step, [Line("hello", "ok")])
    [(topic, payload)] = told
    assert topic == f"execution:{step.execution_id}"
    assert (payload["kind"], payload["step"]) == ("lines", step.pk)
    assert [(one["level"], one["text"]) for one in payload["lines"]] == [("ok", "hello")]
