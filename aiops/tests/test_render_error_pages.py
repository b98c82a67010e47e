import pytest
from django.template.loader import render_to_string

CONTEXT = {"title": "Not available", "message": "Try again shortly.", "request_id": "abc-123"}


@pytest.mark.parametrize("status", [400, 403, 404, 500, 503])
def test_an_error_page_needs_no_request_and_no_database(status):
    """No database fixture here: a query would fail the test."""
    page = render_to_string(f"errors/{status}.html", CONTEXT)
    assert "Try again shortly." in page
    assert "abc-123" in page
    assert "<nav" not in page


@pytest.mark.django_db
def test_a_signed_in_person_keeps_the_rail(viewer, client_of):
    answer = client_of(viewer).get("/there-is-nothing-here")
    assert answer.status_code == 404
    assert 'class="rail"' in answer.content.decode()


@pytest.mark.django_db
def test_a_stranger_gets_the_bare_page(stranger, client_of):
    answer = client_of(stranger).get("/there-is-nothing-here")
    assert answer.status_code == 404
    assert 'class="rail"' not in answer.content.decode()


def test_a_message_is_shown_and_not_run():
    assert "<script>alert" not in render_to_string("errors/400.html", CONTEXT | {"message": "<script>alert(1)</script>"})
