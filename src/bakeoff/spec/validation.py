"""msgspec's validation errors, reworded for recipes and studies. No torch.

msgspec gives the field and the expected type only in the text of its errors; only this module parses it.
"""

from collections.abc import Iterable
from typing import Any, get_args, get_type_hints

import msgspec

from bakeoff.lookup import unknown
from bakeoff.spec.recipe import Recipe


def field_of(error: msgspec.ValidationError) -> str:
    """Return the dotted name of the invalid field."""
    message = str(error)
    path = message.rpartition("`$")[2].rstrip("`") if "`$" in message else ""
    return f"{path}.{unknown_field(message)}".strip(".")


def unknown_field(message: str) -> str:
    """Return the unknown field name in an error's message, or an empty string."""
    return message.partition("unknown field `")[2].partition("`")[0]


def explain_error(error: msgspec.ValidationError, fields: Iterable[str] = ()) -> str:
    """Return the error as "field: expected …"; `fields` are the valid names, suggested if a field is unknown."""
    message = str(error)
    if fields and unknown_field(message):
        return unknown("field", unknown_field(message), fields)
    text, _, where = message.partition(" - at ")
    field = where.strip("`").removeprefix("$.")
    words = text[0].lower() + text[1:].replace("`", "")
    if text.startswith("Invalid enum value") and (choices := _choices(field)):
        words = unknown("value", text.partition("'")[2].rstrip("'"), choices)
    if field == "validation" and words.startswith("expected ") and ">" in words:
        words += ", or none"
    return f"{field}: {words}" if field else words


def _choices(field: str) -> tuple[str, ...]:
    """Return the strings that a dotted field of a recipe accepts; empty if it takes other types."""
    kinds: list[Any] = [Recipe]
    for name in field.split("."):
        hints = [get_type_hints(kind) for kind in kinds]
        annotations = [hint[name] for hint in hints if name in hint]
        kinds = [part for annotation in annotations for part in (get_args(annotation) or (annotation,))]
    return tuple(kind for kind in kinds if isinstance(kind, str))
