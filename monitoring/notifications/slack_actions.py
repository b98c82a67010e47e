"""The door for Slack's buttons: only what Slack signed within the last minutes and sent once comes in; the work is a task, for Slack waits
three seconds."""

import hashlib
import hmac
import time
from typing import Any
from urllib.parse import parse_qs

import orjson
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from accounts.refusals import record_refusal
from aiops.errors import OUTAGE_MESSAGE, is_outage
from monitoring.notifications import slack_acting
from monitoring.notifications.models import Channel

OLDEST = 300  # seconds
MOST_BYTES = 512 * 1024


class Refusal(Exception):
    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


@csrf_exempt
def slack_actions(request: HttpRequest) -> HttpResponse:
    try:
        return _taken(request)
    except Refusal as fault:
        return JsonResponse({"error": str(fault)}, status=fault.status)
    except Exception as fault:
        if not is_outage(fault):
            raise
        return JsonResponse({"error": OUTAGE_MESSAGE}, status=503, headers={"Retry-After": "5"})


def _taken(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        raise Refusal("Slack sends its actions by POST.", 405)
    body = _body(request)
    try:
        channel = verified(body, request.headers.get("X-Slack-Request-Timestamp", ""), request.headers.get("X-Slack-Signature", ""))
    except Refusal as fault:
        record_refusal("slack.refused", "slack:signature", reason=str(fault))
        raise
    pressed = _pressed(_payload(body))
    if pressed:
        slack_acting.act_on_slack.delay(channel.pk, pressed)
    return HttpResponse()


def _body(request: HttpRequest) -> bytes:
    """As it was sent: the signature is over these bytes."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:
        raise Refusal("The body is larger than Slack sends.", 413)
    body = request.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        raise Refusal("The body is larger than Slack sends.", 413)
    return bytes(body)


def verified(body: bytes, stamp: str, signature: str, now: float | None = None) -> Channel:
    """The channel whose app signed it. Raises Refusal: 401 for what is not signed, too old, from the future or here already."""
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 16):
        raise Refusal("The timestamp of the request is missing.", 401)
    if abs((time.time() if now is None else now) - int(stamp)) > OLDEST:
        raise Refusal("The request is older than five minutes.", 401)
    given, base = signature.encode("utf-8", "replace"), b"v0:" + stamp.encode() + b":" + body
    found = None
    for channel in Channel.objects.filter(kind="slack", enabled=True).order_by("id"):
        secret = str(channel.secrets.get("signing_secret") or "")
        expected = b"v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest().encode()
        if secret and hmac.compare_digest(expected, given) and found is None:
            found = channel
    if found is None:
        raise Refusal("The signature is not right.", 401)
    if not cache.add(f"slack-request:{hashlib.sha256(given).hexdigest()}", 1, 2 * OLDEST + 60):
        raise Refusal("The request was here already.", 401)
    return found


def _payload(body: bytes) -> dict[str, Any]:
    try:
        payload = orjson.loads(parse_qs(body.decode(), max_num_fields=20)["payload"][0])
    except (ValueError, KeyError, RecursionError):
        raise Refusal("The payload cannot be read.") from None
    if not isinstance(payload, dict) or payload.get("type") != "block_actions":
        raise Refusal("Only block actions are understood.")
    return payload


def _pressed(payload: dict[str, Any]) -> dict[str, Any] | None:
    """What the task needs; None for buttons that only open a page."""
    try:
        action = next((one for one in payload["actions"] if one.get("action_id") in slack_acting.known()), None)
        if action is None:
            return None
        member, team = payload["user"]["id"], (payload.get("team") or {}).get("id", "")
        blocks = (payload.get("message") or {}).get("blocks", [])
        pressed = {"action": action["action_id"], "value": action["value"], "member": member, "team": team}
        pressed["response_url"] = payload.get("response_url", "")
    except (KeyError, TypeError, AttributeError):
        raise Refusal("The payload lacks who pressed what.") from None
    if not all(isinstance(one, str) and len(one) <= 4000 for one in pressed.values()) or not isinstance(blocks, list):
        raise Refusal("The payload lacks who pressed what.")
    return {**pressed, "blocks": blocks[:50]}
