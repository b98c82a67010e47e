"""The pages and the API of documents, for each role and for strangers."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from genai.rag import documents, upload
from genai.rag.models import Document

pytestmark = pytest.mark.django_db


@pytest.fixture
def manual() -> Document:
    documents.put("note", "1", "Manual", "# Start\n\nPress the <b>button</b>. <script>alert(1)</script>")
    documents.put("note", "2", "Vault", "the vault", permission="audit:read")
    return Document.objects.get(key="1")


def file(data: bytes = b"# Hello\n\nthere") -> SimpleUploadedFile:
    return SimpleUploadedFile("hello.md", data)


@pytest.mark.parametrize("name", ["documents", "document", "document-upload"])
def test_who_may_open_what(name, manual, viewer, operator, approver, admin, stranger, client_of):
    url = reverse(name, args=[manual.pk] if name == "document" else [])
    allowed = {"viewer": 403 if name == "document-upload" else 200}
    for person in (viewer, operator, approver, admin):
        assert client_of(person).get(url).status_code == allowed.get(person.role, 200), person.role
    assert client_of(stranger).get(url).status_code == 302


def test_the_list_and_a_document_show_only_what_one_may_see(manual, viewer, admin, client_of):
    assert b"Vault" not in client_of(viewer).get(reverse("documents")).content
    assert b"Vault" in client_of(admin).get(reverse("documents")).content
    hidden = Document.objects.get(key="2")
    assert client_of(viewer).get(reverse("document", args=[hidden.pk])).status_code == 404


def test_a_document_can_do_no_harm(manual, viewer, client_of):
    page = client_of(viewer).get(reverse("document", args=[manual.pk])).content.decode()
    assert "<script>alert" not in page
    assert 'id="chunk-1"' in page
    assert "Press the" in page


def test_search_is_in_the_address_and_tells_the_place(manual, viewer, client_of):
    page = client_of(viewer).get(reverse("documents"), {"q": "button"}).content.decode()
    assert f"{reverse('document', args=[manual.pk])}?piece=1#chunk-1" in page
    assert "Start" in page
    assert "Nothing found" in client_of(viewer).get(reverse("documents"), {"q": "zeppelin"}).content.decode()


def test_a_piece_far_down_is_on_the_page_that_its_address_opens(viewer, client_of):
    documents.put("note", "long", "Long", "\n".join(f"# Part {n}\n\ntext {n}" for n in range(1, 260)))
    row = Document.objects.get(key="long")
    page = client_of(viewer).get(reverse("document", args=[row.pk]), {"piece": 250}).content.decode()
    assert 'id="chunk-250"' in page
    assert 'id="chunk-1"' not in page
    assert client_of(viewer).get(reverse("document", args=[row.pk]), {"piece": "x"}).status_code == 200


def test_an_unknown_kind_is_a_sentence(viewer, client_of):
    assert client_of(viewer).get(reverse("documents"), {"kind": "film"}).status_code == 400


def test_nothing_yet_says_what_to_do(viewer, operator, client_of):
    assert b"No documents yet" in client_of(viewer).get(reverse("documents")).content
    assert reverse("document-upload").encode() in client_of(operator).get(reverse("documents")).content


def test_uploading(operator, viewer, client_of, django_capture_on_commit_callbacks):
    answer = client_of(operator).post(reverse("document-upload"), {"file": file(), "permission": "monitoring:read"})
    row = Document.objects.get()
    assert answer.status_code == 302
    assert answer.url == reverse("document", args=[row.pk])
    assert (row.state, row.created_by) == ("waiting", operator)
    assert b"It is being read" in client_of(operator).get(answer.url).content
    assert client_of(viewer).post(reverse("document-upload"), {"file": file(b"other")}).status_code == 403


def test_a_wrong_file_is_told_on_the_form(operator, client_of):
    answer = client_of(operator).post(reverse("document-upload"), {"file": SimpleUploadedFile("a.exe", b"MZ")})
    assert answer.status_code == 422
    assert b"Only Markdown" in answer.content
    assert client_of(operator).post(reverse("document-upload"), {}).status_code == 422


def test_nobody_hides_a_document_from_themselves(operator, client_of):
    answer = client_of(operator).post(reverse("document-upload"), {"file": file(), "permission": "audit:read"})
    assert answer.status_code == 403
    assert not Document.objects.exists()


def test_removing_is_for_uploads_and_for_those_who_may(manual, operator, viewer, client_of):
    row = upload.take("hello.md", b"# Hello", operator)
    assert client_of(viewer).post(reverse("document-remove", args=[row.pk])).status_code == 403
    assert client_of(operator).post(reverse("document-remove", args=[manual.pk])).status_code == 400
    assert client_of(operator).post(reverse("document-remove", args=[row.pk])).status_code == 302
    assert not Document.objects.filter(pk=row.pk).exists()


# -- API ---------------------------------------------------------------------------------------------------------------------
def asked(client, token, path, **query):
    return client.get(f"/api/v1/genai/documents/{path}", query, HTTP_AUTHORIZATION=f"Bearer {token}")


def test_the_api_lists_searches_and_opens(client, manual, viewer, token_of):
    token = token_of(viewer, "monitoring:read")
    assert [one["title"] for one in asked(client, token, "").json()["results"]] == ["Manual"]
    (found,) = asked(client, token, "search/", q="button").json()
    assert (found["title"], found["place"], found["piece"]) == ("Manual", "Start", 1)
    assert "button" in asked(client, token, f"{manual.pk}/").json()["content"]
    assert asked(client, token, f"{Document.objects.get(key='2').pk}/").status_code == 404


@pytest.mark.parametrize("query", [{}, {"q": "x", "limit": "0"}, {"q": "x", "limit": "x"}, {"q": "x", "kind": "film"}])
def test_a_bad_question_to_the_api_is_400(client, viewer, token_of, query):
    answer = asked(client, token_of(viewer, "monitoring:read"), "search/", **query)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_the_api_uploads_and_removes(client, manual, operator, viewer, token_of):
    token = token_of(operator, "documents:write", "monitoring:read")
    head = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    made = client.post("/api/v1/genai/documents/", {"file": file()}, **head)
    assert (made.status_code, made.json().get("state")) == (201, "waiting")
    assert client.post("/api/v1/genai/documents/", {"file": file()}, **head).status_code == 400
    assert client.delete(f"/api/v1/genai/documents/{manual.pk}/", **head).status_code == 409
    assert client.delete(f"/api/v1/genai/documents/{made.json()['id']}/", **head).status_code == 204
    lesser = {"HTTP_AUTHORIZATION": f"Bearer {token_of(operator, 'monitoring:read')}"}
    assert client.post("/api/v1/genai/documents/", {"file": file(b"x")}, **lesser).status_code == 403
    assert client.get("/api/v1/genai/documents/").status_code == 401
