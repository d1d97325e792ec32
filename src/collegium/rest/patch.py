"""JSON Merge Patch (RFC 7396)."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec
from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from collegium.rest.bodies import validated

MEDIA_TYPE = "application/merge-patch+json"

Model = TypeVar("Model", bound=BaseModel)


def merge_patch(target: Any, patch: Any) -> Any:
    """Return ``target`` changed as ``patch`` says; neither is modified.

    References
    ----------
    RFC 7396, section 2.
    """
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


class Patch(Generic[Model]):
    """A merge patch of whatever ``Model`` describes.

    The patch itself may be any JSON; what must match the model is the patched result.

    Parameters
    ----------
    changes : the decoded patch.
    """

    __slots__ = ("changes",)

    def __init__(self, changes: Any) -> None:
        self.changes = changes

    def apply(self, model: type[Model], current: dict[str, Any]) -> Model:
        """Return ``current`` with the changes made.

        Raises
        ------
        Malformed
            When the result does not match ``model``.
        """
        merged = merge_patch(current, self.changes)
        return validated(model, msgspec.json.encode(merged))

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        (model,) = source.__args__
        return core_schema.no_info_plain_validator_function(
            cls, metadata={"patched": handler.generate_schema(model)}
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe the model with every member optional, and null where it deletes."""
        patched = schema["metadata"]["patched"]
        whole = handler.resolve_ref_schema(handler(patched))
        members = {
            name: _deletable(member)
            for name, member in whole.get("properties", {}).items()
        }
        return {
            "type": "object",
            "title": f"{whole.get('title', '')}Patch",
            "properties": members,
            "additionalProperties": False,
        }


def _deletable(member: JsonSchemaValue) -> JsonSchemaValue:
    """Describe a member that null deletes, and so what it has by name."""
    if "patternProperties" in member:
        named = {
            pattern: {"anyOf": [value, {"type": "null"}]}
            for pattern, value in member["patternProperties"].items()
        }
        member = {**member, "patternProperties": named}
    return {"anyOf": [member, {"type": "null"}]}
