"""What is read and kept up to date beside the pages. Each finds in the database what is left to do."""

from collections.abc import Sequence

from celery import shared_task

from aiops.errors import when_it_answers
from genai.rag import documents, embed, sync, upload
from genai.rag.models import Document
from monitoring.alerts.pacing import ask


@shared_task
def read_document(pk: int) -> int:
    """After an upload."""
    done = when_it_answers("read_document", lambda: int(upload.read(pk)))
    return done + (embed.embed() if done else 0)


def ask_to_read(pk: int) -> None:
    ask(read_document, pk)


@shared_task
def sync_runbooks(keys: Sequence[str] = ()) -> int:
    """After runbooks changed."""
    return when_it_answers("sync_runbooks", lambda: sync.runbooks(list(keys)))


@shared_task
def sync_incidents(ids: Sequence[int] = ()) -> int:
    """After incidents ended, or were written in."""
    return when_it_answers("sync_incidents", lambda: sync.incidents(list(ids)))


@shared_task
def tend_documents() -> int:
    """Every 10 minutes: uploads that nobody read, what signals missed, vectors that are not there yet."""
    waiting = Document.objects.filter(state=documents.WAITING).order_by("pk").values_list("pk", flat=True)
    done = when_it_answers("tend_documents", lambda: sum(upload.read(pk) for pk in list(waiting[:20])))
    done += when_it_answers("tend_documents", lambda: sync.runbooks() + sync.incidents(sync.missed()))
    return done + when_it_answers("tend_documents", embed.embed)
