"""Functions that a user hands over: properties that hold a callable, or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .type_names import type_name


class _Callback(property):
    """What callback() makes. `attribute` is where an instance keeps it."""

    attribute: str


def callback(name: str, doc: str, *, changed: Callable[[Any], None] | None = None) -> Any:
    """Declare a property in a class body: `authorizer = callback("authorizer", "Is asked ...")`; None at first.

    In Godot it is a Callable, and the empty one stands for None. Assigning what cannot be called raises TypeError.
    `changed` is called with the instance after each assignment.
    """
    attribute = f"_{name}"

    def read(self: Any) -> Callable[..., Any] | None:
        function: Callable[..., Any] | None = getattr(self, attribute, None)
        return function

    def write(self: Any, value: Callable[..., Any] | None) -> None:
        if value is not None and not callable(value):
            raise TypeError(f"{name} must be a Callable, not {type_name(type(value))}")
        setattr(self, attribute, value)
        if changed is not None:
            changed(self)

    made = _Callback(read, write)
    made.attribute = attribute
    made.__doc__ = doc
    return made


def forget(instance: object) -> None:
    """Let the callbacks of an instance go that is about to end: what they belong to may end before it is collected."""
    for cls in type(instance).__mro__:
        for value in vars(cls).values():
            if isinstance(value, _Callback) and value.__get__(instance) is not None:
                value.__set__(instance, None)
