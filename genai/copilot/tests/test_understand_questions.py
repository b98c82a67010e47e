"""What a question asks for, the time it speaks of, what it names; what an act is; what is taken out of an answer."""

from datetime import UTC, datetime, timedelta

import pytest

from genai.copilot import acting, blocks, cleaning, drafting, intents, naming, plain, timewords
from genai.copilot.conversations import named_after
from monitoring.inventory.models import Resource

NOW = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)  # a Wednesday
MIDNIGHT = NOW.replace(hour=0, minute=0)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("question", "intent"),
    [
        ("help", "help"),
        ("What can you do?", "help"),
        ("Why is web-03 slow?", "causes"),
        ("what is the root cause of INC-7", "causes"),
        ("What changed before the outage yesterday?", "changes"),
        ("which deployments were there today", "changes"),
        ("Which disks fill this month?", "forecasts"),
        ("when do we run out of memory", "forecasts"),
        ("Draft a rule for p95 latency over 400 ms", "draft"),
        ("alert me when cpu is above 90 %", "draft"),
        ("What did we do last time?", "history"),
        ("has this happened before?", "history"),
        ("Open alerts", "alerts"),
        ("Open alerts of db-1", "alerts"),
        ("open incidents", "incidents"),
        ("Status of web-03", "status"),
        ("is db-1 ok?", "status"),
        ("show rate(node_cpu_seconds_total[5m])", "show"),
        ("node_load1 > 4", "show"),
        ("sum by (job) (up)", "show"),
        ("what is unusual", "anomalies"),
        ("what depends on db-1", "topology"),
        ("runbooks for db-1", "runbooks"),
        ("how do I fix this", "runbooks"),
        ("who deleted the silence", "audit"),
        ("shift report", "shift"),
        ("what ran today", "executions"),
        ("list hosts", "resources"),
        ("where do backups go", "search"),
    ],
)
def test_an_intent_is_told_by_its_words(question: str, intent: str) -> None:
    assert intents.of(question).name == intent


@pytest.mark.parametrize("question", ["show me the alerts", "what is up", "why?", "latency (p95)", "show rate(", "a=b?"])
def test_words_are_no_query(question: str) -> None:
    assert intents.shown_query(question) is None


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("in the last 2 hours", NOW - 2 * HOUR, NOW),
        ("over the past 90 min", NOW - 90 * timedelta(minutes=1), NOW),
        ("in the last hour", NOW - HOUR, NOW),
        ("what changed 3 days ago", NOW - 3 * DAY, NOW),
        ("before the outage yesterday", MIDNIGHT - DAY, MIDNIGHT),
        ("since yesterday", MIDNIGHT - DAY, NOW),
        ("today", MIDNIGHT, NOW),
        ("last night", MIDNIGHT - 2 * HOUR, MIDNIGHT + 6 * HOUR),
        ("since 14:00", NOW.replace(hour=14, minute=0), NOW),
        ("since 3 pm", NOW.replace(hour=15, minute=0), NOW),
        ("around 10:00", NOW.replace(hour=9, minute=30), NOW.replace(hour=10, minute=30)),
        ("between 9:00 and 10:30", NOW.replace(hour=9, minute=0), NOW.replace(hour=10)),
        ("between 9:00 and 10:30 yesterday", NOW.replace(hour=9, minute=0) - DAY, NOW.replace(hour=10) - DAY),
        ("this week", MIDNIGHT - 2 * DAY, NOW),
        ("last week", MIDNIGHT - 9 * DAY, MIDNIGHT - 2 * DAY),
        ("this month", MIDNIGHT.replace(day=1), NOW),
        ("last month", MIDNIGHT.replace(month=10, day=1), MIDNIGHT.replace(day=1)),
    ],
)
def test_a_time_is_read(text: str, start: datetime, end: datetime) -> None:
    assert timewords.span(text, NOW) == (start, end)


@pytest.mark.parametrize("text", ["why is it slow?", "since 25:00", "p95 over 400 ms", "what did we do last time?"])
def test_no_time_is_none(text: str) -> None:
    assert timewords.span(text, NOW) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("which disks fill this month?", {"by": "month"}),
        ("by the end of the week", {"by": "week"}),
        ("in the next 10 days", {"days": 10}),
        ("within 2 weeks", {"days": 14}),
        ("tomorrow", {"days": 2}),
        ("which disks fill?", {}),
    ],
)
def test_how_far_ahead(text: str, told: dict[str, object]) -> None:
    assert timewords.ahead(text) == told


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("draft a rule for p95 latency over 400 ms", ("latency", 0.95, ">", 400, "ms")),
        ("alert me when cpu usage is above 90 %", ("cpu usage", None, ">", 90, "%")),
        ("create an alert for free disk below 10 GB", ("free disk", None, "<", 10, "gb")),
        ("rule for the 99th percentile response > 1.5s", ("response", 0.99, ">", 1.5, "s")),
        ("draft a rule for p999 latency over 2 seconds", ("latency", 0.999, ">", 2, "seconds")),
    ],
)
def test_a_limit_is_read(question: str, told: tuple[object, ...]) -> None:
    assert intents.threshold(question) == told


@pytest.mark.parametrize(
    ("question", "expr"),
    [
        ("draft a rule for disk used over 80 %", "100 * (1 - node_filesystem_avail_bytes / node_filesystem_size_bytes) > 80"),
        ("draft a rule for free disk below 10%", "100 * node_filesystem_avail_bytes / node_filesystem_size_bytes < 10"),
        ("alert me when memory is above 90 percent", "100 * (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes) > 90"),
    ],
)
def test_shares_that_no_metric_states_have_a_formula(monkeypatch: pytest.MonkeyPatch, question: str, expr: str) -> None:
    known = ("node_filesystem_avail_bytes", "node_filesystem_size_bytes", "node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes")
    monkeypatch.setattr(drafting.vocabulary, "metrics", lambda: dict.fromkeys(known, 1))
    threshold = intents.threshold(question)
    assert threshold is not None
    formula = drafting.formula(threshold)
    assert formula is not None
    assert drafting.compared(formula, threshold).expr == expr


def test_a_share_without_its_metrics_has_no_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafting.vocabulary, "metrics", dict)
    assert drafting.formula(intents.Threshold("disk used", None, ">", 80, "%")) is None


def test_no_limit_is_none() -> None:
    assert intents.threshold("draft a rule for latency") is None


@pytest.mark.parametrize(
    ("value", "unit", "own", "limit"),
    [(400, "ms", "s", 0.4), (400, "ms", "ms", 400), (2, "seconds", "ms", 2000), (90, "%", "ratio", 0.9), (90, "%", "%", 90),
     (10, "gb", "B", 1e10), (2, "kib", "B", 2048), (5, "", "", 5)],
)  # fmt: skip
def test_a_limit_in_the_metrics_own_unit(value: float, unit: str, own: str, limit: float) -> None:
    assert drafting.in_unit(intents.Threshold("x", None, ">", value, unit), own) == pytest.approx(limit)


@pytest.mark.django_db
def test_names_are_those_of_resources() -> None:
    for name in ("db-1", "web-03.example.org", "checkout", "why"):
        Resource.objects.create(kind="host", name=name)
    assert naming.resources("Is Checkout slow because of web-03 or DB-1?") == ["checkout", "web-03.example.org", "db-1"]
    assert naming.resources("nothing of that kind") == []


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("why INC-7?", {"incident": "INC-7"}),
        ("status of incident 12", {"incident": "INC-12"}),
        ("explain alert #5", {"alert": "5"}),
        ("why", {}),
    ],
)
def test_numbers_are_those_of_incidents_and_alerts(question: str, told: dict[str, str]) -> None:
    assert naming.numbered(question) == told


@pytest.mark.parametrize(
    ("question", "act"),
    [
        ("restart web-03", True),
        ("please fix it", True),
        ("can you roll back checkout?", True),
        ("propose to clean up the disk of db-1", True),
        ("yes, do it", True),
        ("go ahead", True),
        ("why did web-03 restart?", False),
        ("what did we do last time to fix it?", False),
        ("which disks fill this month?", False),
        ("open alerts", False),
        ("show what was deleted", False),
    ],
)
def test_an_act_is_asked_for_in_the_persons_own_words(question: str, act: bool) -> None:
    assert acting.asked_for(question) is act


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("![x](https://evil.example/a.png?d=1)", "x"),
        ("[see](https://evil.example/)", "see"),
        ("[see](/alerts/7/)", "[see](/alerts/7/)"),
        ("[see](//evil.example/x)", "see"),
        ("[see](javascript:alert(1))", "see)"),
        ("<https://evil.example/?d=1>", "[address left out]"),
        ("it listens at http://10.0.0.1:9100/metrics", "it listens at http://10.0.0.1:9100/metrics"),
        ("go to https://evil.example/?q=secret", "go to [address left out]"),
        ("[a][b]\n\n[b]: https://evil.example/?x", "[a][b]\n\n"),
        ("<img src=x> bold", " bold"),
        ("`curl https://x.example/?a=1`", "`curl https://x.example/?a=1`"),
        ("The disk is full [E12], probably [guess].", "The disk is full [E12], probably [guess]."),
    ],
)
def test_what_could_carry_something_away_is_taken_out(text: str, clean: str) -> None:
    assert cleaning.clean(text) == clean


def test_a_row_rests_on_its_citation_and_its_detail_too() -> None:
    row = "- [E3] DiskFull on db-1: the disk is full. It began at 9:00."
    told = f"2 alerts, the worst first\n{row}\n  seen twice before\n… and 5 more; ask more narrowly."
    assert plain.cited(told) == (
        "2 alerts, the worst first:\n\n- DiskFull on db-1: the disk is full [E3]. It began at 9:00 [E3].\n  seen twice before [E3]\n"
        "\nNote: … and 5 more; ask more narrowly."
    )


def test_nothing_found_is_a_note() -> None:
    assert plain.cited("0 alerts, the worst first") == "Note: no alerts."


def test_a_table_is_bounded_and_leads_nowhere_else() -> None:
    rows = [[{"text": "x" * 999, "url": "https://evil.example/"}]] * 80
    [made] = blocks.kept([{"type": "table", "title": "t", "columns": ["a"], "rows": rows}], "monitoring:read")
    assert (len(made["rows"]), made["left_out"]) == (blocks.MOST_ROWS, 30)
    assert made["rows"][0] == [{"text": "x" * blocks.LONGEST_CELL}]


def test_blocks_of_no_known_type_twice_or_too_many_are_left_out() -> None:
    one = {"type": "series", "evidence": 1, "title": "t"}
    assert blocks.kept([one, dict(one), {"type": "script"}, {}], "monitoring:read") == [one | {"permission": "monitoring:read"}]
    many = [{"type": "series", "evidence": n, "title": "t"} for n in range(40)]
    assert len(blocks.kept(many, "monitoring:read")) == blocks.MOST


def test_a_title_is_the_question_cut_at_a_word() -> None:
    assert named_after("  why is\nit slow? ") == "why is it slow?"
    assert named_after("word " * 40).endswith("word…")
    assert len(named_after("word " * 40)) <= 80
