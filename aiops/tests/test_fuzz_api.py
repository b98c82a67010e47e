"""schemathesis over the whole documented API, in this process: whatever is sent, the fault is never ours."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.cache import cache
from django.core.wsgi import get_wsgi_application
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from accounts.permissions import PERMISSIONS
from monitoring.inventory.models import Resource
from monitoring.measurements import create
from monitoring.measurements.facts import Columns, Fact
from monitoring.sources.models import Source
from monitoring.store.windows import MINUTE, now_ms

EXAMPLES = 5  # of each operation and mode
HEADERS = {"Host": "localhost", "Accept-Encoding": "identity"}
CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@pytest.fixture
def known(transactional_db):
    """Facts, a VM, a source: path parameters that exist, so that answers have content."""
    now = now_ms()
    created = create.many(Columns.of([Fact("vm-042", now - n * MINUTE, "cpu_usage", n) for n in range(60)]))
    vm, source = Resource.objects.get(), Source.objects.create(name="s", kind="local_host", enabled=False)
    fact = f"{created.sids[0]}-{now}"
    return {"/api/resources/": {"id": vm.pk}, "/api/sources/": {"id": source.pk}, "/api/v1/": {"vm": "vm-042", "fact_id": fact}}


def operations() -> Iterator[Any]:
    schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(public=True))
    schema.app = get_wsgi_application()
    for found in schema.get_all_operations():
        yield found.ok()


def of_path(known: dict[str, dict[str, Any]], path: str) -> dict[str, Any]:
    return next((there for start, there in known.items() if path.startswith(start)), {})


def faults_of(operation: Any, mode: GenerationMode, token: str, there: dict[str, Any]) -> list[str]:
    """Answers of 500 and above, what broke instead of answering, and answers of which the documentation knows nothing."""
    found: list[str] = []

    @seed(7)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        if mode == GenerationMode.POSITIVE:
            case.path_parameters = {name: there.get(name, value) for name, value in (case.path_parameters or {}).items()}
        try:
            answer = case.call(headers=HEADERS | {"Authorization": f"Bearer {token}"})
            case.validate_response(answer, checks=CHECKS)
        except (Exception, FailureGroup) as fault:
            found.append(f"{operation.label}: {type(fault).__name__}: {fault}\n{case.as_curl_command()}"[:1500])

    ask()
    return found[:2]


def may_be_wrong(operation: Any) -> bool:
    return bool(operation.body or operation.query or operation.path_parameters or operation.headers)


def test_nothing_that_is_sent_is_answered_with_a_fault_of_ours(known, admin, token_of):
    asked, found = 0, []
    for operation in operations():
        for mode in MODES if may_be_wrong(operation) else MODES[:1]:
            cache.clear()  # the rate limits are not what is asked about
            token = token_of(admin, *PERMISSIONS)  # the one before may have been revoked meanwhile
            found += faults_of(operation, mode, token, of_path(known, operation.path))
            asked += 1
    assert found == []
    assert asked > 40
