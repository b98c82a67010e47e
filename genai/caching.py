"""Answers that are kept for a while: the same question to the same models is not paid for twice. What is kept is masked."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import orjson
from django.conf import settings
from django.utils import timezone

from genai.models import CachedAnswer, ModelProvider
from genai.providers.base import Message, ToolCall, ToolSpec

MOST_KEPT = 200_000  # characters of an answer


def key_of(
    models: Sequence[ModelProvider], messages: Sequence[Message], tools: Sequence[ToolSpec], schema: Mapping[str, Any] | None, most: int
) -> str:
    asked = {
        "models": [[one.pk, one.model, one.config] for one in models],
        "messages": [[one.role, one.content, one.tool_call_id, [[c.id, c.name, c.arguments] for c in one.tool_calls]] for one in messages],
        "tools": [[spec.name, spec.description, dict(spec.parameters)] for spec in tools],
        "schema": schema, "most": most,
    }  # fmt: skip
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)).hexdigest()


def find(key: str) -> dict[str, Any] | None:
    found = CachedAnswer.objects.filter(key=key, expires_at__gt=timezone.now()).values_list("answer", flat=True).first()
    return found if isinstance(found, dict) else None


def keep(key: str, text: str, calls: Sequence[ToolCall], provider: str, model: str) -> None:
    if settings.LLM_CACHE_MINUTES and len(text) <= MOST_KEPT and "\0" not in text:
        answer = {
            "text": text,
            "tool_calls": [[call.id, call.name, call.arguments] for call in calls],
            "provider": provider,
            "model": model,
        }
        until = timezone.now() + timedelta(minutes=settings.LLM_CACHE_MINUTES)
        CachedAnswer.objects.update_or_create(key=key, defaults={"answer": answer, "expires_at": until})


def expire() -> int:
    return CachedAnswer.objects.filter(expires_at__lte=timezone.now()).delete()[0]
