"""The API against its own document: no fault of the server, and every answer as it is written down."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks

from backend.core.jobs.registry import JOB_TYPES
from backend.main import app
from pattern_engine import PATTERNS
from strategy_engine import STRATEGIES
from tests.platform import Platform

CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.unsupported_method,
    openapi_checks.ignored_auth,
]
OPEN_TO_ALL = {"/", "/livez", "/readyz", "/health", "/health/db", "/health/redis", "/health/services"}

Operation = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="session")
def admin_headers(idle_platform: Platform) -> dict[str, str]:
    return {"Authorization": f"Bearer {idle_platform.token('schemathesis', 'admin')}"}


@schemathesis.serializer("application/vnd.apache.parquet")
def as_bytes(_context: object, value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


# Nobody works in this installation, so /health/services answers 503, as it should; and /events has no end.
schema = schemathesis.openapi.from_dict(app.openapi()).exclude(path=["/health/services", "/events"])
CASES = {found.ok().label: found.ok().as_strategy() for found in schema.get_all_operations()}


@pytest.mark.parametrize("operation", CASES)
@given(data=st.data())
@settings(max_examples=30, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_answers_are_as_documented(
    operation: str, data: st.DataObject, idle_platform: Platform, admin_headers: dict[str, str]
) -> None:
    case = data.draw(CASES[operation])
    case.call_and_validate(base_url=idle_platform.url, headers=admin_headers, checks=CHECKS)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return app.openapi()


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def test_every_operation_has_a_name_of_its_own_and_a_description(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z_]+", name) for name in names)


def test_every_operation_but_health_asks_for_a_token(document: dict[str, Any], idle_platform: Platform) -> None:
    seen = set()
    for method, path, operation in operations(document):
        is_open = path in OPEN_TO_ALL
        assert ("security" in operation) != is_open, path
        assert ("401" in operation["responses"]) != is_open, path
        asked = re.sub(r"{[a-z_]+}", "01890a5d-ac96-774b-bcce-b302099a8057", path)
        answer = httpx.request(method, idle_platform.url + asked)
        assert (answer.status_code == 401) != is_open, path
        seen.add(path)
    assert seen > OPEN_TO_ALL


def test_every_error_is_documented_as_a_problem(document: dict[str, Any]) -> None:
    reference = {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
    for _, path, operation in operations(document):
        for status, response in operation["responses"].items():
            if status >= "400" and path not in OPEN_TO_ALL:
                assert response["content"] == {"application/problem+json": reference}, (path, status)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    references = set(re.findall(r"'#/components/schemas/([^']+)'", repr(document)))
    assert references <= schemas.keys()


def test_body_of_submit_shows_each_types_exact_payload(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    body = document["paths"]["/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    one_of = schemas[body["$ref"].rpartition("/")[2]]
    mapping = one_of["discriminator"]["mapping"]
    assert one_of["discriminator"]["propertyName"] == "job_type"
    assert mapping.keys() == JOB_TYPES.keys()
    assert {branch["$ref"] for branch in one_of["oneOf"]} == set(mapping.values())
    for job_type, reference in mapping.items():
        request = schemas[reference.rpartition("/")[2]]
        payload = schemas[request["properties"]["payload"]["$ref"].rpartition("/")[2]]
        model = JOB_TYPES[job_type].payload
        assert payload["properties"].keys() == model.model_fields.keys()
        assert payload["additionalProperties"] is False
        assert set(request["required"]) >= {"job_type", "payload"}


def test_catalogue_lists_all_that_can_be_asked_for(idle_user: httpx.Client) -> None:
    told = idle_user.get("/catalogue").json()
    assert {job_type["job_type"] for job_type in told["job_types"]} == JOB_TYPES.keys()
    assert {strategy["kind"] for strategy in told["strategies"]} == STRATEGIES.keys()
    assert len(told["patterns"]) == len(PATTERNS)
    for job_type in told["job_types"]:
        assert job_type["payload_schema"]["type"] == job_type["result_schema"]["type"] == "object"
    cross = next(strategy for strategy in told["strategies"] if strategy["kind"] == "sma_cross")
    assert (cross["schema"]["properties"]["fast"]["minimum"], cross["schema"]["properties"]["fast"]["maximum"]) == (
        2,
        400,
    )


def test_document_and_its_page_are_served(document: dict[str, Any], idle_platform: Platform) -> None:
    assert httpx.get(f"{idle_platform.url}/openapi.json").json() == document
    page = httpx.get(f"{idle_platform.url}/docs").text
    assert "/openapi.json" in page
    needed = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert needed
    for address in needed:  # all of it from our own host
        assert httpx.get(f"{idle_platform.url}{address}").status_code == 200
