"""What is written down: runbooks, past incidents, notes and uploaded documents, found by words and by meaning."""

from genai.evidence import collect
from genai.evidence.models import Evidence
from genai.rag.find import Found, find
from genai.rag.models import Document
from genai.tools import base, words
from genai.tools.base import Context, Json, Result, Tool
from genai.tools.words import block, said

USUAL, LONGEST = 5, 1200  # pieces, and characters of each


def search_knowledge(given: Json, context: Context) -> Result:
    """Only what the asker may see, and what they are told is as open as the document."""
    passage, kinds = given.get("passage", ""), given.get("kinds") or None
    found = find(given["query"], context.actor, limit=given.get("limit", USUAL), kinds=kinds, passage=passage)
    notes = [_cite(one) for one in found]
    told = [_line(one, note) for one, note in zip(found, notes, strict=True)]
    head = (
        f"{words.many(len(found), 'piece')} of documents for {said(given['query'], 120)}"
        if found
        else "Nothing that is written down fits; try other words."
    )
    data = [{"document": one.document.pk, "title": one.document.title, "place": one.place, "score": round(one.score, 3)} for one in found]
    return Result(words.lines(head, told), {"found": data}, [one for one in notes if one])


def _line(one: Found, note: Evidence | None) -> str:
    place = f", {said(one.place, 160)}" if one.place else ""
    kind = Document.Kind(one.document.kind).label.lower()
    return f"{words.cited(note)}{kind} {said(one.document.title, 160)}{place}:\n{block(one.chunk.text, LONGEST)}"


def _cite(one: Found) -> Evidence | None:
    reference = {"id": one.document.pk, "chunk": one.chunk.number}
    title = said(f"{one.document.title}{f', {one.place}' if one.place else ''}")
    try:
        return collect.of("document", reference, title, said(one.chunk.text, 200), permission=one.document.permission)
    except collect.Gone:
        return None


SEARCH_KNOWLEDGE = Tool(
    "search_knowledge",
    "Search what is written down: runbooks, past incidents and their notes, uploaded documents. Answers pieces with document and place.",
    base.takes(
        ["query"],
        query=base.text("what to look for, in plain words", 1000, minLength=2),
        passage=base.text("an answer as it might stand there, looked for beside the query", 2000),
        kinds={"type": "array", "description": "only these kinds", "items": {"enum": [*Document.Kind.values]}, "maxItems": 4},
        limit=base.number("pieces at most", 1, 10),
    ),
    "monitoring:read",
    search_knowledge,
)
