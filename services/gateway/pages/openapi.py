"""The document of the HTTP API: routes as Litestar knows them, shapes as pydantic knows them.

The rule it protects: a limit that is enforced is a limit that is written down; the same model says both.
"""

from collections.abc import Iterator
from typing import Any

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.typing import FieldDefinition
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from services.gateway.asking.asking import POSITION_HEADER
from services.gateway.guards.sessions import CSRF_HEADER, same_site, signed_in
from services.gateway.http.problems import MEDIA_TYPE, ProblemDetails
from services.gateway.live import Change

Json = dict[str, Any]


class _Shapes(GenerateJsonSchema):
    def field_is_required(self, field: Any, total: bool) -> bool:
        # An answer always has all its fields; only a question may leave out what has a default.
        return self.mode == "serialization" or super().field_is_required(field, total)


_REFERENCE = "#/components/schemas/{model}"
_DESCRIPTION = """\
Log in with `POST /api/v1/session`: the session is an HttpOnly cookie. Requests that change something repeat the cookie
`csrftoken`, which comes with it, in the header `X-CSRF-Token`. A command's answer carries a `position`; a query that is
given it as `after` contains the change. A command may be repeated under its `Idempotency-Key`: it is done once.
Every refusal is a problem document (RFC 9457) with a stable `code`.
"""


def document(app: Litestar, version: str) -> Json:
    """The OpenAPI document of `app`, in a stable order."""
    written: Json = app.openapi_schema.to_schema()
    handlers = {handler.operation_id: handler for handler in _handlers(app)}
    for operations in written["paths"].values():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", []):
                _say_plainly(parameter, written["components"]["schemas"])
            _say_what_litestar_does_not(operation, handlers[operation["operationId"]], method)
    return {
        "openapi": written["openapi"],
        "info": {"title": "SmartPlus", "version": version, "description": _DESCRIPTION},
        "servers": [{"url": "/"}],
        "paths": dict(sorted(written["paths"].items())),
        "components": {
            "schemas": dict(sorted(_schemas(handlers.values()).items())),
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "session"},
                "csrf": {"type": "apiKey", "in": "header", "name": CSRF_HEADER},
            },
        },
    }


def _handlers(app: Litestar) -> Iterator[HTTPRouteHandler]:
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            yield from (each for each in route.route_handlers if each.operation_id and each.resolve_include_in_schema())


def _say_plainly(parameter: Json, schemas: Json) -> None:
    for noise in ("deprecated", "allowEmptyValue", "allowReserved"):
        parameter.pop(noise, None)
    schema = parameter["schema"]
    schema.pop("description", None)
    for choice in schema.pop("oneOf", []):
        # Absent is how a request leaves a parameter out; there is no null in a query string.
        if choice != {"type": "null"}:
            schema.update(choice)
    if "$ref" in schema:
        schema.update(schemas[schema.pop("$ref").rpartition("/")[2]])


def _say_what_litestar_does_not(operation: Json, handler: HTTPRouteHandler, method: str) -> None:
    operation.pop("deprecated")
    operation["responses"].pop("400", None)
    for status, response in operation["responses"].items():
        response.pop("headers", None)
        if _is_accepted(response) or any(each["name"] == "after" for each in operation.get("parameters", ())):
            response["headers"] = {POSITION_HEADER: {"schema": {"type": "string"}}}
        if operation["operationId"] == "Live":
            response["content"] = {"text/event-stream": {"schema": {"type": "string"}}}
        response["description"] = {"200": "Done", "201": "Made", "204": "Done"}[status]
    operation["responses"]["default"] = {
        "description": "Refused",
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model="Problem")}}},
    }
    guards = handler.resolve_guards()
    needs: Json = {}
    if signed_in in guards:
        needs["session"] = []
    if same_site in guards and method != "get":
        needs["csrf"] = []
    operation["security"] = [needs] if needs else []


def _models_in(annotation: FieldDefinition) -> Iterator[type[BaseModel]]:
    if annotation.is_subclass_of(BaseModel):
        yield annotation.annotation
    for inner in annotation.inner_types:
        yield from _models_in(inner)


def _is_accepted(response: Json) -> bool:
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    return bool(schema.get("$ref", "").endswith("Accepted"))


def _schemas(handlers: Any) -> Json:
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        (ProblemDetails, "serialization"),
        (Change, "serialization"),
    ]
    for handler in handlers:
        if handler.parsed_data_field is not None:
            models.append((handler.parsed_data_field.annotation, "validation"))
        models += [(each, "serialization") for each in _models_in(handler.parsed_return_field)]
    _, schemas = models_json_schema(list(dict.fromkeys(models)), ref_template=_REFERENCE, schema_generator=_Shapes)
    definitions: Json = schemas["$defs"]
    definitions["Problem"] = definitions.pop("ProblemDetails")
    # Pydantic files a generic model under the name that its class has in Python, Litestar under its own.
    return {shape["title"] if name.startswith("Accepted_") else name: shape for name, shape in definitions.items()}
