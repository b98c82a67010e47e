"""What can be found by asking: documents cut into chunks."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class Document(models.Model):
    """An uploaded file, or the text of something the platform has: a runbook, an incident's review, notes.

    Found by those with `permission`."""

    class Kind(models.TextChoices):
        UPLOAD = "upload", "Document"
        RUNBOOK = "runbook", "Runbook"
        INCIDENT = "incident", "Past incident"
        NOTE = "note", "Note"

    kind = models.CharField(max_length=8, choices=Kind)
    key = models.CharField(max_length=200)  # of what it was made from; an upload's is its digest
    title = models.CharField(max_length=300)
    file_name = models.CharField(max_length=255, blank=True, default="")
    media_type = models.CharField(max_length=100, blank=True, default="")
    size = models.PositiveIntegerField(default=0)  # bytes
    digest = models.CharField(max_length=64, blank=True, default="")
    permission = models.CharField(max_length=60, default="monitoring:read")
    state = models.CharField(max_length=8, default="ready")  # waiting, ready, failed
    error = models.CharField(max_length=300, blank=True, default="")
    content = models.TextField(blank=True, default="")  # as text
    source = models.BinaryField(null=True, blank=True)  # an uploaded file, until it was read
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="one_document_per_kind_and_key")]

    def __str__(self) -> str:
        return self.title


class Chunk(models.Model):
    """A piece of a document, small enough to be cited: by its document's name and its place."""

    document = models.ForeignKey(Document, models.CASCADE, related_name="chunks", db_index=False)  # one_number_per_document
    number = models.PositiveIntegerField()
    place = models.CharField(max_length=300, blank=True, default="")  # headings above it, or the page
    text = models.TextField()
    terms = models.JSONField(default=dict, blank=True)  # {term: how often}: for BM25
    length = models.PositiveIntegerField(default=0)  # terms
    vector = models.BinaryField(null=True, blank=True)  # float16, unit length; None: no model is installed

    class Meta:
        constraints = [models.UniqueConstraint(fields=["document", "number"], name="one_number_per_document")]

    def __str__(self) -> str:
        return f"{self.document}, {self.place or self.number}"
