"""Which pieces of what is written down answer a question: by their words (BM25) and, where a model of sentences is installed, by their
meaning, half and half. Only of documents that the asker may see."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from accounts.permissions import PERMISSIONS, can
from genai.rag import encoder, index
from genai.rag.models import Chunk, Document
from genai.rag.terms import apart, terms

LONGEST_QUERY = 2000
MOST_OF_ONE = 3  # chunks of one document
LEAST = 0.15  # of the best's score
NEAR = 0.25  # cosine: without a word in common, what is farther is about something else


class Found(NamedTuple):
    """`place`: where in the document, in words; empty at its beginning. `score`: 0–1, the best of all about 1."""

    chunk: Chunk
    document: Document
    score: float
    place: str


def find(query: str, actor: Any, *, limit: int = 8, kinds: Collection[str] | None = None, passage: str = "") -> list[Found]:
    """The best first. `kinds`: of Document.Kind; None: all. `passage`: an answer as it might stand there (HyDE), looked for beside the
    question. Nothing found is an empty list."""
    scores = _scores(query.replace("\0", "")[:LONGEST_QUERY], passage.replace("\0", "")[:LONGEST_QUERY], _open_to(actor, kinds))
    best = sorted(scores, key=lambda pk: (-scores[pk], pk))[: limit * 6]
    rows = Chunk.objects.select_related("document").defer("document__content", "terms", "vector").in_bulk(best)
    return list(_some_of_each([Found(rows[pk], rows[pk].document, scores[pk], rows[pk].place) for pk in best if pk in rows], limit))


def _open_to(actor: Any, kinds: Collection[str] | None) -> frozenset[int]:
    rows = Document.objects.filter(state="ready", permission__in=permitted(actor))
    return frozenset((rows if kinds is None else rows.filter(kind__in=list(kinds))).values_list("pk", flat=True))


def permitted(actor: Any) -> list[str]:
    """The permissions that the actor has."""
    return [name for name in PERMISSIONS if can(actor, name)]


def _scores(query: str, passage: str, documents: frozenset[int]) -> dict[int, float]:
    asked = terms(f"{query} {passage}")
    if not documents or not asked:
        return {}
    with_meaning = encoder.encode([apart(f"{query} {passage}".strip())])
    with index.lock():
        known = index.current()
        words = known.bm25(asked, documents)
        meaning = known.nearness(with_meaning[0], documents) if with_meaning is not None else {}
    return _blended(words, meaning)


def _blended(words: Mapping[int, float], meaning: Mapping[int, float]) -> dict[int, float]:
    """Each by its best; without vectors the words alone."""
    most, nearest = max(words.values(), default=0.0), max(meaning.values(), default=0.0)
    by_word = {pk: score / most for pk, score in words.items()} if most > 0 else {}
    near = {pk: cosine / nearest for pk, cosine in meaning.items() if cosine >= NEAR} if nearest >= NEAR else {}
    both = {pk: 0.5 * by_word.get(pk, 0.0) + 0.5 * near.get(pk, 0.0) for pk in {*by_word, *near}}
    found = both if near else by_word
    best = max(found.values(), default=0.0)
    return {pk: score for pk, score in found.items() if score >= LEAST * best}


def _some_of_each(found: list[Found], limit: int) -> Iterator[Found]:
    taken: Counter[int] = Counter()
    for one in found:
        taken[one.document.pk] += 1
        if taken[one.document.pk] <= MOST_OF_ONE and (limit := limit - 1) >= 0:
            yield one
