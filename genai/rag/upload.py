"""Files that people give: looked at briefly when they come, read afterwards by a task."""

import hashlib
from pathlib import PurePath
from typing import Any

from django.db import IntegrityError, transaction

from accounts import audit
from accounts.permissions import PERMISSIONS
from genai.rag import cutting, documents, pdf
from genai.rag.models import Document

MOST_BYTES = 10 * 2**20
MOST_CHARACTERS = 5_000_000
MARKDOWN, PDF = "text/markdown", "application/pdf"
TYPES = {".md": MARKDOWN, ".markdown": MARKDOWN, ".txt": MARKDOWN, ".pdf": PDF}
ALREADY = "The same file is here already"


class Refused(ValueError):
    """One sentence for people."""


def take(name: str, data: bytes, actor: Any, *, title: str = "", permission: str = documents.READ, user: Any = None) -> Document:
    """A document that waits to be read. Raises Refused."""
    name = PurePath(name.replace("\\", "/").replace("\0", "")).name[:255] or "document"
    media_type = _kind_of(name, data)
    if permission not in PERMISSIONS:
        raise Refused(f"There is no permission {permission[:60]}.")
    digest = hashlib.sha256(data).hexdigest()
    if known := Document.objects.filter(kind=documents.Kind.UPLOAD, key=digest).first():
        raise Refused(f"{ALREADY}: {known.title}.")
    title = " ".join(title.replace("\0", "").split())[:300] or _title(name)
    row = Document(
        kind=documents.Kind.UPLOAD, key=digest, title=title, file_name=name, media_type=media_type, size=len(data), digest=digest,
        permission=permission, state=documents.WAITING, source=data, created_by=user,
    )  # fmt: skip
    return _stored(row, actor)


def _stored(row: Document, actor: Any) -> Document:
    from genai.rag import tasks  # which read it

    try:
        with transaction.atomic():
            row.save(force_insert=True)
            said = {"title": row.title, "file": row.file_name, "size": row.size, "permission": row.permission}
            transaction.on_commit(lambda: tasks.ask_to_read(row.pk))
            audit.record("document.uploaded", target=row, after=said, actor=actor)
    except IntegrityError:
        raise Refused(f"{ALREADY}.") from None
    return row


def _kind_of(name: str, data: bytes) -> str:
    found = TYPES.get(PurePath(name).suffix.lower())
    if found is None:
        raise Refused("Only Markdown (.md, .txt) and PDF files can be read.")
    if not data.strip():
        raise Refused("The file is empty.")
    if len(data) > MOST_BYTES:
        raise Refused(f"The file has {len(data) / 2**20:.1f} MB; at most {MOST_BYTES // 2**20} MB are read.")
    if found == PDF and b"%PDF-" not in data[:1024]:
        raise Refused("The file is called .pdf and is no PDF.")
    if found == MARKDOWN:
        _text(data)
    return found


def _text(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused("The file is no text in UTF-8.") from None
    if "\0" in text:
        raise Refused("The file is no text: it has NUL characters.")
    return text


def _title(name: str) -> str:
    return PurePath(name).stem.replace("_", " ").replace("-", " ").strip() or name


def read(pk: int) -> bool:
    """Reads what waits; asking twice reads once. False where it does not wait (any more)."""
    document = Document.objects.filter(pk=pk, state=documents.WAITING).first()
    if document is None or document.source is None:
        return False
    try:
        text, cuts = _contents(document.media_type, bytes(document.source))
    except (Refused, pdf.Unreadable) as fault:
        documents.fail(document, str(fault))
        return True
    with transaction.atomic():
        waiting = Document.objects.select_for_update().filter(pk=pk, state=documents.WAITING).first()
        if waiting is None:
            return False
        documents.fill(waiting, text, cuts)
    return True


def _contents(media_type: str, data: bytes) -> tuple[str, list[cutting.Cut]]:
    if media_type == PDF:
        pages = pdf.pages(data)
        text = "\f".join(pages)
        cuts = cutting.pages(pages)
    else:
        text = _text(data)
        cuts = cutting.markdown(text)
    if len(text) > MOST_CHARACTERS:
        raise Refused(f"It has {len(text):,} characters; at most {MOST_CHARACTERS:,} are kept.")
    if not cuts:
        raise Refused("There is no text in it.")
    return text, cuts
