from datetime import timedelta

import pytest

from genai.evidence import claims, collect, numbers
from genai.evidence.models import Evidence
from genai.evidence.sentences import claims_something, pieces


def test_a_claim_with_evidence_keeps_its_citation(queue):
    found = claims.checked(f"The queue rose from 84 to 221 [E{queue.pk}].", [queue.pk])
    assert found == (f"The queue rose from 84 to 221 [E{queue.pk}].", 1, 1.0)


def test_a_claim_without_evidence_becomes_a_guess(db):
    found = claims.checked("The queue rose sharply. The disk is full.", [])
    assert found.text == "The queue rose sharply [guess]. The disk is full [guess]."
    assert (found.claims, found.share) == (2, 0.0)


def test_what_was_not_found_for_this_answer_cannot_be_cited(queue):
    found = claims.checked(f"The queue rose from 84 to 221 [E{queue.pk}].", [])
    assert found.text == "The queue rose from 84 to 221 [guess]."
    assert claims.checked("The queue rose from 84 to 221 [E999999].", [999_999]).share == 0.0


def test_what_does_not_hold_any_more_loses_its_citation(queue, write):
    write(first=900.0, last=1500.0)
    found = claims.checked(f"The queue rose from 84 to 221 [E{queue.pk}].", [queue.pk])
    assert "[guess]" in found.text
    assert f"[E{queue.pk}]" not in found.text


def test_one_of_several_is_enough(queue, now):
    gone = queue.pk + 1000
    found = claims.checked(f"The queue rose from 84 to 221 [E{gone}][E{queue.pk}].", [queue.pk])
    assert found.text == f"The queue rose from 84 to 221 [E{queue.pk}]."


def test_other_figures_than_those_found_are_a_guess(write, now):
    write("disk_used_ratio", 0.40, 0.42)
    kept = collect.series("disk_used_ratio", now - timedelta(minutes=50), now, "Disk of web-3")
    right = claims.checked(f"The disk is 42 % full [E{kept.pk}].", [kept.pk])
    wrong = claims.checked(f"The disk is 97 % full [E{kept.pk}].", [kept.pk])
    assert right.share == 1.0
    assert wrong.text == "The disk is 97 % full [guess]."


def test_a_guess_that_says_so_stays_one_also_with_a_citation(queue):
    found = claims.checked(f"Probably the queue is why [guess] [E{queue.pk}].", [queue.pk])
    assert found.text == "Probably the queue is why [guess]."
    assert found.share == 0.0


@pytest.mark.parametrize(
    "text",
    [
        "Why is it slow?",
        "I looked at 12 series and found nothing.",
        "Here is what I found:",
        "Restart the service on web-3.",
        "## What happened on web-3",
        "You can open the chart below.",
        "Nothing found.",
        "```\nthe disk is full and the queue too\n```",
        "---",
        "",
    ],
)
def test_what_claims_nothing_is_left_alone(db, text):
    assert claims.checked(text, []) == (text, 0, 1.0)


def test_lists_tables_and_code_keep_their_shape(queue):
    text = (
        f"- The queue rose [E{queue.pk}].\n- The disk filled up.\n\n| host | queue |\n|---|---|\n"
        f"| the web server | 221 items [E{queue.pk}] |\n| the mail server | 5 items |\n\n```\nThe log says so.\n```\n"
    )
    found = claims.checked(text, [queue.pk]).text
    assert f"- The queue rose [E{queue.pk}].\n- The disk filled up [guess].\n" in found
    assert "| the mail server | 5 items [guess] |\n" in found
    assert f"| the web server | 221 items [E{queue.pk}] |\n" in found
    assert "```\nThe log says so.\n```\n" in found


def test_a_citation_behind_the_full_stop_belongs_to_the_sentence_before(queue):
    found = claims.checked(f"The queue rose from 84 to 221. [E{queue.pk}] The disk is full.", [queue.pk])
    assert f"[E{queue.pk}]" in found.text.split("The disk")[0]
    assert found.text.endswith("The disk is full [guess].")


def test_checking_twice_changes_nothing(queue):
    text = f"The queue rose from 84 to 221 [E{queue.pk}]. The disk is full! Maybe the cache, e.g. the one of web-3, went cold."
    once = claims.checked(text, [queue.pk])
    assert claims.checked(once.text, [queue.pk]) == once


def test_nothing_of_a_text_is_lost():
    text = "One. Two [E1, E2] three?\n\n* four e.g. five.\n\n    code. here.\n> six… “seven.” Eight\n"
    assert "".join(piece.text for piece in pieces(text)) == text


def test_a_long_text_is_cut_in_bounded_time(db):
    text = "[E1" * 20_000 + "." * 20_000 + " a" * 20_000
    assert "".join(piece.text for piece in pieces(text)) == text
    assert claims.cited(text) == []


def test_ids_of_any_length_are_harmless(db):
    assert claims.checked("The queue rose a lot [E99999999999999999].", [1]).text == "The queue rose a lot [guess]."
    assert claims.cited("[E1][E2, E3] [E1] [e4] [E]") == [1, 2, 3]


def evidence(**found):
    return Evidence(kind="series", title="Memory", found_text="1.2 GB → 3.4 GB", found=found)


def test_figures_are_read_as_people_write_them():
    kept = evidence(min=1.2e9, max=3.4e9, mean=2e9, first=1.2e9, last=3.4e9)
    for text in ("It rose to 3.4 GB.", "It rose by 2.2 GB.", "It lay at 1,200 MB before.", "It takes 3.17 GiB."):
        assert not numbers.contradicted(text, [kept]), text
    assert numbers.contradicted("It takes 12 GB.", [kept])
    assert not numbers.contradicted("It began 12 minutes before.", [kept])
    assert not numbers.contradicted("It takes `12 GB`.", [kept])
    assert not numbers.contradicted("It takes 12 GB.", [kept, Evidence(kind="alert", title="Memory")])


def test_a_table_row_claims_when_it_has_figures():
    assert claims_something("| the web server | 221 items |")
    assert not claims_something("| the server | its items |")
