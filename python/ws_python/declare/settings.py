"""Settings: typed, validated attributes, declared once with default, range and documentation."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, TypeVar, cast

from .type_names import type_name

T = TypeVar("T")


class Setting:
    """A data descriptor that checks what is assigned and keeps it in the instance's `__dict__`.

    `type` is that of the default: bool, int, float, str, an IntEnum, or list (of `items`: int if the default holds
    some, str otherwise). With `of`, it is an object of that class or None, the default. Reading gives the default until
    a value is assigned. A wrong type raises TypeError, a value, or one in a list, out of range ValueError.
    """

    def __init__(
        self,
        default: Any,
        *,
        range: tuple[float, float] | None,
        step: float | None,
        unit: str,
        group: str,
        doc: str,
        files: str = "",
        changed: Callable[[Any], object] | None = None,
        of: type | None = None,
    ) -> None:
        self.name = ""
        self.default = default
        self.type: type = of or type(default)
        self.items: type = type(default[0]) if self.type is list and default else str
        self.range = range
        self.step = step
        self.unit = unit
        self.group = group
        self.doc = self.__doc__ = doc
        self.files = files
        self.changed = changed

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object | None, owner: type | None = None) -> Any:
        if instance is None:
            return self
        if self.type is list:
            # A list of its own for each instance, so that append() on it changes this instance only.
            return instance.__dict__.setdefault(self.name, list(self.default))
        return instance.__dict__.get(self.name, self.default)

    def __set__(self, instance: object, value: Any) -> None:
        instance.__dict__[self.name] = self.validated(value)
        if self.changed is not None:
            self.changed(instance)

    def validated(self, value: Any) -> Any:
        """`value` as the setting's own type. Raises TypeError or ValueError with what is allowed."""
        if self.type is list:
            return self._listed(value)
        value = self._typed(value)
        if not self._is_in_range(value):
            raise ValueError(f"{self.name} must be from {self._bounds}, not {value}")
        return value

    def _is_in_range(self, value: Any) -> bool:
        return self.range is None or self.range[0] <= value <= self.range[1]

    @property
    def _bounds(self) -> str:
        low, high = self.range or ("", "")
        return f"{low} to {high} {self.unit}".rstrip()

    def _typed(self, value: Any) -> Any:
        if self.default is None:
            if value is None or isinstance(value, self.type):
                return value
            raise TypeError(f"{self.name} must be {type_name(self.type)} or null, not {type_name(type(value))}")
        # bool is an int to Python; a switch for a number is a mistake all the same.
        is_bool = isinstance(value, bool)
        if self.type is bool:
            accepted = is_bool
        elif self.type is float:
            accepted = isinstance(value, (int, float)) and not is_bool
        elif issubclass(self.type, IntEnum):
            accepted = isinstance(value, int) and not is_bool
        else:
            accepted = isinstance(value, self.type) and not is_bool
        if not accepted:
            raise TypeError(f"{self.name} must be {type_name(self.type)}, not {type_name(type(value))}")
        return self.type(value)

    def _listed(self, value: Any) -> list[Any]:
        kind = "strings" if self.items is str else "integers"
        if isinstance(value, str) or not hasattr(value, "__iter__"):
            raise TypeError(f"{self.name} must be an array of {kind}, not {type_name(type(value))}")
        listed = list(value)
        for item in listed:
            if not isinstance(item, self.items) or isinstance(item, bool):
                raise TypeError(f"{self.name} must hold {kind} only, not {type_name(type(item))}")
            if not self._is_in_range(item):
                raise ValueError(f"{self.name} must hold {kind} from {self._bounds}, not {item}")
        return listed


def setting(
    default: T,
    *,
    doc: str,
    range: tuple[float, float] | None = None,
    step: float | None = None,
    unit: str = "",
    group: str = "",
    files: str = "",
    changed: Callable[[Any], object] | None = None,
    of: type | None = None,
) -> T:
    """Declare a setting in a class body: `port: int = setting(8080, range=(0, 65535), doc="...")`.

    `files` are patterns, "*.crt,*.pem", of the files that an editor is to offer for one that is a path. `changed`, a
    function of the class that stands above, is called whenever a value was assigned. `of` is the class of a setting
    that holds an object, and None by default.
    """
    # What type checkers see is what reading the attribute of an instance gives.
    return cast(
        T,
        Setting(default, range=range, step=step, unit=unit, group=group, doc=doc, files=files, changed=changed, of=of),
    )


def settings_of(cls: type) -> dict[str, Setting]:
    """The settings of a class by name, its own first, in the order of declaration."""
    found: dict[str, Setting] = {}
    for base in cls.__mro__:
        for name, value in vars(base).items():
            if isinstance(value, Setting):
                found.setdefault(name, value)
    return found


def with_default(inherited: T, default: T) -> T:
    """A setting of a base class with another default: `size: int = with_default(Base.size, 100)`."""
    base = cast(Setting, inherited)
    return cast(
        T,
        Setting(
            default,
            range=base.range,
            step=base.step,
            unit=base.unit,
            group=base.group,
            doc=base.doc,
            files=base.files,
            changed=base.changed,
            of=base.type if base.default is None else None,
        ),
    )
