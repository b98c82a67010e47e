"""How each protocol says yes and no. A refusal is one sentence in the form that its senders read."""

from collections.abc import Mapping
from typing import Protocol

import orjson
from django.http import HttpResponse

from monitoring.ingest.keep import Outcome

VERSION = "1.8.0-aiops"  # clients of InfluxDB read a number here
TOLD = 5  # refusals an answer names
_HEADER = 400  # characters of a sentence in a header
_CODES = {
    400: "invalid",
    401: "unauthorized",
    403: "forbidden",
    404: "not found",
    405: "method not allowed",
    413: "request too large",
    415: "unsupported media type",
    429: "too many requests",
    503: "unavailable",
}


class Answers(Protocol):
    def kept(self, outcome: Outcome) -> HttpResponse: ...

    def refusal(self, status: int, sentence: str) -> HttpResponse: ...


def told(outcome: Outcome, template: str = "{text!r}: {sentence}") -> str:
    """The first refusals, one a line."""
    shown = (template.format(**one._asdict()) for one in outcome.refusals[:TOLD])
    return "\n".join(dict.fromkeys(shown))


def counts(outcome: Outcome) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(outcome.refused.items()))


def _json(status: int, body: object, headers: Mapping[str, str] | None = None) -> HttpResponse:
    return HttpResponse(orjson.dumps(body), "application/json", status, headers=headers)


class InfluxV1:
    """204, or 400 with what was not kept: `partial write: … dropped=N` when the rest was."""

    def kept(self, outcome: Outcome) -> HttpResponse:
        if not outcome.lost:
            return HttpResponse(status=204, headers={"X-Influxdb-Version": VERSION})
        told_of = told(outcome, "unable to parse '{text}': {sentence}")
        return self.refusal(400, f"partial write: {told_of} dropped={outcome.lost}" if outcome.kept else told_of)

    def refusal(self, status: int, sentence: str) -> HttpResponse:
        line = " ".join(sentence.split()).encode("ascii", "backslashreplace").decode()
        return _json(status, {"error": sentence}, {"X-Influxdb-Version": VERSION, "X-Influxdb-Error": line[:_HEADER]})


class InfluxV2:
    """204 as soon as anything was kept: its senders take every 4xx for the whole batch."""

    def kept(self, outcome: Outcome) -> HttpResponse:
        if outcome.kept or not outcome.lost:
            return HttpResponse(status=204, headers={"X-Influxdb-Version": VERSION})
        line = next((one.line for one in outcome.refusals if one.line), 0)
        return self.refusal(400, told(outcome, "unable to parse '{text}': {sentence}"), line)

    def refusal(self, status: int, sentence: str, line: int = 0) -> HttpResponse:
        body = {"code": _CODES.get(status, "internal error"), "message": sentence}
        return _json(status, body | ({"line": line} if line else {}))


class Plain:
    """Prometheus: 204, or text. It drops what is answered 4xx and shows the text in its log; the good part is kept all the same."""

    def kept(self, outcome: Outcome) -> HttpResponse:
        if not outcome.lost:
            return HttpResponse(status=204)
        return self.refusal(400, f"kept {outcome.kept} samples, refused {counts(outcome)}; {told(outcome)}")

    def refusal(self, status: int, sentence: str) -> HttpResponse:
        return HttpResponse(sentence, "text/plain; charset=utf-8", status)


class Json:
    """200 with what was kept and refused; 400 when nothing of it could be read."""

    def kept(self, outcome: Outcome) -> HttpResponse:
        body = {
            "accepted": outcome.kept,
            "refused": outcome.refused,
            "skipped": outcome.skipped,
            "errors": [
                {"reason": one.reason, "error": one.sentence, "text": one.text} | ({"line": one.line} if one.line else {})
                for one in outcome.refusals[:TOLD]
            ],
        }
        if self._unreadable(outcome):
            return _json(400, {"error": f"Nothing was kept: {outcome.refusals[0].sentence}.", **body})
        return _json(200, body)

    def refusal(self, status: int, sentence: str) -> HttpResponse:
        return _json(status, {"error": sentence})

    def _unreadable(self, outcome: Outcome) -> bool:
        """What is only late or too much must not be sent again for ever, as telegraf would."""
        return bool(outcome.lost and not outcome.kept and not outcome.skipped) and set(outcome.refused) <= _UNREADABLE


_UNREADABLE = {"syntax", "number", "encoding", "type", "labels", "timestamp"}
