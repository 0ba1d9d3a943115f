"""Functions that a user hands over: properties that hold a callable, or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .type_names import type_name


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

    declared = property(read, write, doc=doc)
    _declared.add(declared)
    return declared


def forget_callbacks(instance: object) -> None:
    """Let go of what was handed over: an engine frees a script, and what a Callable of it needs, before Python ends."""
    for cls in type(instance).__mro__:
        for name, value in vars(cls).items():
            if isinstance(value, property) and value in _declared:
                setattr(instance, name, None)


# What callback() has declared.
_declared: set[property] = set()
