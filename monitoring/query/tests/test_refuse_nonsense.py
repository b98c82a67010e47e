"""Whatever is sent, the answer is the envelope and never our own fault."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitoring.store import series, writer
from monitoring.store.batch import Batch
from monitoring.store.windows import now_ms

pytestmark = pytest.mark.django_db
PATHS = ["query", "query_range", "query_exemplars", "format_query", "series", "labels", "label/host/values", "label/U__/values"]
PATHS += ["label/%00/values", "label/U__110000_/values", "metadata", "rules", "targets", "status/tsdb", "status/runtimeinfo"]
NAMES = ["query", "time", "start", "end", "step", "timeout", "limit", "lookback_delta", "match[]", "stats", "type", "metric", "state"]
QUERIES = [
    "up",
    'up{a=~"(a+)+$"}',
    "up[5m]",
    "rate(up[1y])",
    "up offset -1w",
    "up @ 1e300",
    "{}",
    '"\\ud800"',
    "-up ^ 1e308",
    "sum(up) by (",
]
QUERIES += [
    'label_replace(up,"a","$1","host","(.*)")',
    "up[5m:1ms]",
    "time() + Inf",
    "up{host=~'\\\\x{110000}'}",
    "vector(1)[100y:1s]",
    "\x00",
]
NUMBERS = [
    "0",
    "-1",
    "1e9",
    "1e18",
    "9" * 400,
    "NaN",
    "Inf",
    "0x10",
    "1_0",
    " 5",
    "5m",
    "1y",
    "-5m",
    "99999999999y",
    "2026-01-01T00:00:00Z",
]
NUMBERS += ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59+23:59", "2026-13-01T00:00:00Z", "-292273086-05-16T16:47:06Z", "²"]
values = st.one_of(st.sampled_from(QUERIES), st.sampled_from(NUMBERS), st.text(max_size=20))
forms = st.dictionaries(st.sampled_from(NAMES), st.lists(values, min_size=1, max_size=2), max_size=6)


@pytest.fixture
def send(viewer: Any, token_of: Callable[..., str]) -> Iterator[Callable[..., Any]]:
    series.forget()
    writer.write(Batch.of([("up", {"host": host, "a": "a" * 30 + "!"}, now_ms() - 60_000, 1.0) for host in ("a", "b", "ü")]))
    headers = {"Authorization": f"Bearer {token_of(viewer, 'monitoring:read')}"}
    client = Client(raise_request_exception=True)
    yield lambda path, form, post: (client.post if post else client.get)(f"/prometheus/api/v1/{path}", form, headers=headers)
    series.forget()


@settings(
    max_examples=100, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(path=st.sampled_from(PATHS), form=forms, post=st.booleans())
def test_nonsense_is_refused_in_the_envelope(send: Any, path: str, form: dict[str, list[str]], post: bool) -> None:
    response = send(path, form, post)
    assert response.status_code in (200, 400, 422), (response.status_code, response.content[:300])
    content = response.json()
    assert content.get("status", "error") == ("success" if response.status_code == 200 else "error")
    assert ("data" in content) == (response.status_code == 200) != bool(content.get("error"))
