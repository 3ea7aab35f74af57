"""The description of the service, and the service held to it by made-up requests."""

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from affetto.server.app import create_app

STREAMS = "/api/scan/events"
"""Never ends, by design; test_library follows it."""
HEARS = "/api/analyse"
"""Starts a process for each file; test_analyse sends it what is broken."""


@pytest.fixture(scope="module")
def description(spare_address):
    return httpx.get(f"{spare_address}/api/openapi.json", trust_env=False).json()


def operations(description):
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def resolved(description, schema):
    while "$ref" in schema:
        node = description
        for part in schema["$ref"].removeprefix("#/").split("/"):
            node = node[part]
        schema = node
    return schema


def test_every_operation_is_told_of_with_its_errors(description):
    for path, method, operation in operations(description):
        where = f"{method} {path}"
        assert operation["summary"] and operation["description"].endswith("."), where
        codes = set(operation["responses"])
        assert codes & {"200", "202"}, where
        assert {"401", "403", "421", "422", "500", "503"} <= codes, where
        for code, response in operation["responses"].items():
            assert response["description"], f"{where} {code}"
            if code.startswith(("4", "5")):
                schema = response["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}, f"{where} {code}"


def test_every_answer_has_an_example_or_examples_of_its_parts(description):
    def has_example(schema, seen=()):
        name = schema.get("$ref")
        if name is not None and name in seen:
            return False
        own = resolved(description, schema)
        parts = [*own.get("properties", {}).values(), *own.get("anyOf", []), *own.get("oneOf", [])]
        parts += [own[name] for name in ("items", "additionalProperties") if own.get(name)]
        return bool(own.get("examples")) or any(has_example(p, (*seen, name)) for p in parts)

    for path, method, operation in operations(description):
        for code, response in operation["responses"].items():
            schema = response.get("content", {}).get("application/json", {}).get("schema")
            if schema is not None and code in {"200", "202"} and "Pending" not in str(schema):
                assert has_example(schema), f"{method} {path} {code}"


def test_the_examples_of_bodies_work(description, spare_address):
    label = description["paths"]["/api/label"]["post"]["requestBody"]["content"]
    (example,) = label["application/json"]["schema"]["examples"]
    answer = httpx.post(f"{spare_address}/api/label", json=example, trust_env=False)
    assert answer.status_code == 200 and answer.json()["results"][0]["mood"]


def test_no_page_that_loads_from_elsewhere_is_offered(spare_address):
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert httpx.get(spare_address + path, trust_env=False).status_code == 404


OPERATIONS = [
    found.ok()
    for found in schemathesis.openapi.from_dict(create_app().openapi()).get_all_operations()
    if found.ok().path not in (STREAMS, HEARS)
]
TO_TRY = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda own: own.label)
def test_the_service_is_as_it_is_described(operation, mode, spare_address):
    @TO_TRY
    @given(case=operation.as_strategy(generation_mode=mode))
    def holds(case):
        case.call_and_validate(base_url=spare_address, timeout=20)

    try:
        holds()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # nothing of it can be wrong
