"""Events: what a server, client or peer tells its user, declared once with the names and types of the arguments."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, overload

_log = logging.getLogger("ws_python")


class BoundEvent:
    """An event of one instance: callbacks are called in the order in which they were connected."""

    __slots__ = ("_callbacks", "_name")

    def __init__(self, name: str) -> None:
        self._name = name
        # A tuple, replaced at every change: emit() goes through the one it started with.
        self._callbacks: tuple[Callable[..., Any], ...] = ()

    def connect(self, callback: Callable[..., Any]) -> None:
        """Call `callback` with the event's arguments from now on. Connecting it again changes nothing."""
        if callback not in self._callbacks:
            self._callbacks = (*self._callbacks, callback)

    def disconnect(self, callback: Callable[..., Any]) -> None:
        """Do not call `callback` any more. One that is not connected is ignored."""
        self._callbacks = tuple(other for other in self._callbacks if other != callback)

    def emit(self, *arguments: Any) -> None:
        """Call every callback. One that raises is logged with its traceback and does not stop the others."""
        for callback in self._callbacks:
            try:
                callback(*arguments)
            except Exception:
                _log.exception("a callback of %s raised", self._name)


class Event:
    """The declaration of an event: `arguments` maps their names to their types, in order."""

    def __init__(self, arguments: dict[str, type], doc: str) -> None:
        self.name = ""
        self.arguments = arguments
        self.doc = self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Event: ...
    @overload
    def __get__(self, instance: object, owner: type) -> BoundEvent: ...
    def __get__(self, instance: object | None, owner: type) -> Event | BoundEvent:
        if instance is None:
            return self
        # Not a data descriptor: from now on the attribute is found in the instance at once.
        bound: BoundEvent = instance.__dict__.setdefault(self.name, BoundEvent(self.name))
        return bound


def event(*, doc: str, **arguments: type) -> Event:
    """Declare an event in a class body: `message_received = event(peer_id=int, message=object, doc="...")`."""
    return Event(arguments, doc)


def silence(instance: object) -> None:
    """Have nobody hear the events of `instance` any more: what is emitted from now on goes nowhere."""
    vars(instance).update((name, BoundEvent(name)) for name in events_of(type(instance)))


def events_of(cls: type) -> dict[str, Event]:
    """The events of a class by name, in the order of declaration, those of its bases first."""
    found: dict[str, Event] = {}
    for base in reversed(cls.__mro__):
        found.update((name, value) for name, value in vars(base).items() if isinstance(value, Event))
    return found
