"""Vectors for the chunks that have none yet, where a model of sentences is installed. What is cut short goes on at the next call."""

import time

from genai.rag import documents, encoder
from genai.rag.models import Chunk
from genai.rag.terms import apart

AT_ONCE = 16
LONGEST = 60.0  # seconds of one call


def embed(seconds: float = LONGEST) -> int:
    """How many got one."""
    if encoder.encoder() is None:
        return 0
    until, done = time.monotonic() + seconds, 0
    rows = Chunk.objects.filter(vector=None, document__state=documents.READY).select_related("document").order_by("pk")
    while time.monotonic() < until:
        chunks = list(rows.only("pk", "text", "place", "document__title")[:AT_ONCE])
        if not chunks:
            break
        _give(chunks)
        done += len(chunks)
    return done


def _give(chunks: list[Chunk]) -> None:
    vectors = encoder.encode([apart(f"{one.document.title}. {one.place}. {one.text}") for one in chunks])
    assert vectors is not None
    for chunk, vector in zip(chunks, vectors, strict=True):
        chunk.vector = vector.astype("float16").tobytes()
    Chunk.objects.bulk_update(chunks, ["vector"])
    documents.touch({one.document_id for one in chunks})
