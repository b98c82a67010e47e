"""Files that people give: Markdown and PDF, what cannot be read says why in a sentence, and a bad file hurts nobody."""

import pytest

from accounts.models import AuditEntry
from genai.rag import documents, find, pdf, upload
from genai.rag.models import Document
from genai.rag.tests.pdfs import bomb
from genai.rag.tests.pdfs import pdf as made

pytestmark = pytest.mark.django_db


def given(name: str, data: bytes, user, **more) -> Document:
    row = upload.take(name, data, user, user=user, **more)
    upload.read(row.pk)
    row.refresh_from_db()
    return row


def test_markdown_is_cut_by_its_headings(operator):
    row = given("run_book.md", b"# Top\n\nfirst\n\n## Below\n\nsecond\n\n```\n# no heading\n```\n", operator)
    assert row.state == "ready"
    assert row.title == "run book"
    assert row.source is None
    assert [(one.place, one.text.split()[0]) for one in row.chunks.order_by("number")] == [("Top", "first"), ("Top › Below", "second")]


def test_a_pdf_is_cut_by_its_pages(operator):
    row = given("manual.pdf", made("Restart the broker", "Then wait"), operator)
    assert (row.state, row.error) == ("ready", "")
    assert [(one.place, one.text) for one in row.chunks.order_by("number")] == [("page 1", "Restart the broker"), ("page 2", "Then wait")]
    assert find.find("broker", operator)[0].place == "page 1"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (made("secret", encrypted=True), "It is encrypted: upload it without a password."),
        (made("", ""), "It has pages but no text: it may be scanned images, which are not read."),
        (b"%PDF-1.7\n" + b"\x00\xff garbage " * 50, "It is broken: its pages cannot be read."),
        (made("cut off")[:150], "It is broken: its pages cannot be read."),
    ],
)
def test_a_pdf_that_cannot_be_read_says_why(data, sentence, operator):
    row = given("bad.pdf", data, operator)
    assert (row.state, row.error) == ("failed", sentence)
    assert row.source is None
    assert not row.chunks.exists()


def test_a_pdf_with_too_many_pages_is_refused(operator, monkeypatch):
    with pytest.raises(pdf.Unreadable, match="It has 501 pages; at most 500 are read"):
        pdf.read(made(*["x"] * 501))


def test_a_pdf_that_takes_too_long_is_given_up(operator, monkeypatch):
    monkeypatch.setattr(pdf, "SECONDS", 0.01)
    row = given("slow.pdf", made("text"), operator)
    assert row.state == "failed"
    assert row.error.startswith("It could not be read within")


def test_a_pdf_that_inflates_without_end_hurts_the_child_only(operator):
    row = given("bomb.pdf", bomb(100_000_000), operator)
    assert row.state == "failed"


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("tool.exe", b"MZ", "Only Markdown"),
        ("empty.md", b" \n", "The file is empty."),
        ("latin.md", "grün".encode("latin-1"), "The file is no text in UTF-8."),
        ("nul.md", b"a\0b", "NUL characters"),
        ("not.pdf", b"hello there", "is no PDF"),
        ("large.md", b"x" * (upload.MOST_BYTES + 1), "at most 10 MB"),
    ],
)
def test_what_is_no_document_is_refused_at_once(name, data, sentence, operator):
    with pytest.raises(upload.Refused, match=sentence):
        upload.take(name, data, operator)
    assert not Document.objects.exists()


def test_the_same_file_twice_is_refused(operator):
    given("a.md", b"once", operator)
    with pytest.raises(upload.Refused, match="The same file is here already: a"):
        upload.take("b.md", b"once", operator)


def test_reading_twice_reads_once(operator):
    row = upload.take("a.md", b"once", operator)
    assert upload.read(row.pk) is True
    assert upload.read(row.pk) is False


def test_a_path_in_the_name_is_left_out(operator):
    assert upload.take("../../etc/passwd.md", b"x", operator).file_name == "passwd.md"
    assert upload.take("C:\\docs\\a.md", b"y", operator).file_name == "a.md"


def test_upload_and_removal_are_in_the_audit_trail(operator):
    row = given("a.md", b"once", operator)
    documents.remove(row, operator)
    told = AuditEntry.objects.filter(action__startswith="document.").order_by("pk")
    assert list(told.values_list("action", flat=True)) == ["document.uploaded", "document.removed"]
    assert find.find("once", operator) == []
