"""Frozen values for settings and records, their conversion to plain dicts, and digests."""

import hashlib
from functools import cache
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import NODEFAULT, Meta
from msgspec.structs import fields

Fraction: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Share: TypeAlias = Annotated[float, Meta(ge=0, lt=1)]
Positive: TypeAlias = Annotated[float, Meta(gt=0, le=1e100)]
NotNegative: TypeAlias = Annotated[float, Meta(ge=0, le=1e100)]
Count: TypeAlias = Annotated[int, Meta(ge=1)]


class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of frozen, comparable, hashable values; `to_dict` converts them to plain dicts and msgspec back."""


def to_dict(value: Value, *, full: bool = False) -> dict[str, Any]:
    """Return `value` as plain dicts, lists, strings and numbers.

    Fields that have their default value are left out, so that a field added later changes no identity; `full`
    spells them all out, for people to read. (msgspec's own omit_defaults compares objects, not values: it would
    give an unpickled value another identity.)
    """
    config = value.__struct_config__
    tree: dict[str, Any] = {config.tag_field: config.tag} if config.tag_field else {}
    for name, default, factory in _defaults(type(value)):
        inner = getattr(value, name)
        if full or inner != (default if factory is NODEFAULT else factory()):
            tree[name] = _plain(inner, full)
    return tree


@cache  # msgspec takes 100 µs to look them up each time
def _defaults(kind: type[Value]) -> tuple[tuple[str, Any, Any], ...]:
    """Return name, default and factory of the default of each field."""
    return tuple((field.name, field.default, field.default_factory) for field in fields(kind))


def _plain(value: Any, full: bool) -> Any:
    if isinstance(value, Value):
        return to_dict(value, full=full)
    if isinstance(value, dict):
        return {key: _plain(item, full) for key, item in value.items()}
    return [_plain(item, full) for item in value] if isinstance(value, tuple) else value


def digest(value: object) -> str:
    """Return the SHA-256 of the canonical JSON of `value`, in hexadecimal."""
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()
