"""What this process knows of all chunks: the words of each, and their vectors. Read once, then only documents that changed.

BM25 as Robertson and Zaragoza give it (2009), with the idf that is never negative.
"""

import math
import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

import numpy as np

from genai.rag.models import Chunk, Document

K1, B = 1.2, 0.75
AT_ONCE = 500  # documents read in one statement


class Index:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.as_of: dict[int, datetime] = {}  # document -> when it was written
        self.chunks: dict[int, list[int]] = {}  # document -> its chunks
        self.document: dict[int, int] = {}  # chunk -> its document
        self.lengths: dict[int, int] = {}
        self.terms: dict[int, tuple[str, ...]] = {}
        self.postings: defaultdict[str, dict[int, int]] = defaultdict(dict)  # term -> {chunk: how often}
        self.vectors: dict[int, np.ndarray[Any, Any]] = {}
        self._total = 0

    def catch_up(self, now_there: Mapping[int, datetime]) -> None:
        """`now_there`: every document that can be found, and when it was written. Inside the lock."""
        for pk in [pk for pk, at in self.as_of.items() if now_there.get(pk) != at]:
            self._drop(pk)
        missing = [pk for pk in now_there if pk not in self.as_of]
        for start in range(0, len(missing), AT_ONCE):
            self._read(missing[start : start + AT_ONCE], now_there)

    def _read(self, documents: list[int], now_there: Mapping[int, datetime]) -> None:
        rows = Chunk.objects.filter(document_id__in=documents).values_list("pk", "document_id", "terms", "length", "vector")
        for pk, document, terms, length, vector in rows.iterator():
            self._add(pk, document, terms, length)
            if vector is not None:
                self.vectors[pk] = np.frombuffer(bytes(vector), dtype=np.float16).astype(np.float32)
        for pk in documents:
            self.as_of[pk] = now_there[pk]

    def _add(self, pk: int, document: int, terms: Mapping[str, int], length: int) -> None:
        self.chunks.setdefault(document, []).append(pk)
        self.document[pk], self.lengths[pk], self.terms[pk] = document, length, tuple(terms)
        self._total += length
        for term, often in terms.items():
            self.postings[term][pk] = often

    def _drop(self, document: int) -> None:
        del self.as_of[document]
        for pk in self.chunks.pop(document, ()):
            for term in self.terms.pop(pk):
                del self.postings[term][pk]
                if not self.postings[term]:
                    del self.postings[term]
            self._total -= self.lengths.pop(pk)
            self.document.pop(pk)
            self.vectors.pop(pk, None)

    def bm25(self, asked: Iterable[str], documents: Collection[int]) -> dict[int, float]:
        """Chunk -> score, of those that have any of the words."""
        found: defaultdict[int, float] = defaultdict(float)
        count = len(self.lengths)
        mean = self._total / count if count else 1.0
        for term in set(asked):
            having = self.postings.get(term, {})
            idf = math.log(1 + (count - len(having) + 0.5) / (len(having) + 0.5))
            for pk, often in having.items():
                if self.document[pk] in documents:
                    found[pk] += idf * often * (K1 + 1) / (often + K1 * (1 - B + B * self.lengths[pk] / (mean or 1.0)))
        return dict(found)

    def nearness(self, vector: np.ndarray[Any, Any], documents: Collection[int]) -> dict[int, float]:
        """Chunk -> cosine, of those that have a vector of the same size."""
        keys = [pk for pk, own in self.vectors.items() if own.shape == vector.shape and self.document[pk] in documents]
        if not keys:
            return {}
        cosines = np.stack([self.vectors[pk] for pk in keys]) @ vector
        return dict(zip(keys, cosines.tolist(), strict=True))


_index = Index()


def current() -> Index:
    """As the database is now; to be used inside its lock, which the caller holds."""
    now_there = dict(Document.objects.filter(state="ready").values_list("pk", "updated_at"))
    _index.catch_up(now_there)
    return _index


def lock() -> threading.Lock:
    return _index.lock
