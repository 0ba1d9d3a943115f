"""Classes that derive from RefCounted and its kin, for the suite test_bridge_counted.gd."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from pythonscript import export, signal
from pythonscript.godot import Node, Object, RefCounted, Resource, Texture2D

GONE: list[str] = []
"""The names of what was freed, in this order."""


class Token(RefCounted):
    """Is handed back and forth."""

    changed = signal(value=int, by=Object)

    def __init__(self) -> None:
        self.name = ""
        self.tag: Any = None
        self.value = 0
        self.changed.connect(self.note_change)

    def note_change(self, value: int, by: Object) -> None:
        self.value = value

    def get_value(self) -> int:
        return self.value

    def set_name(self, name: str) -> None:
        self.name = name

    def set_tag(self, tag: Any) -> None:
        self.tag = tag

    def get_tag(self) -> Any:
        return self.tag

    def myself(self) -> Token:
        return self

    def emit_changed(self, value: int) -> None:
        self.changed.emit(value, self)

    def method(self) -> Any:
        return self.note_change

    def refused(self) -> str:
        try:
            self.get_class()
        except ReferenceError as error:
            return str(error)
        return "nothing"

    def is_method(self, method: Any) -> bool:
        return bool(method == self.note_change)

    def is_in(self, keeper: Keeper) -> bool:
        """Whether it is kept after it was let go in its own method."""
        keeper.clear()
        return bool(self.is_instance_valid())

    def _notification(self, what: int) -> None:
        if what == Object.NOTIFICATION_PREDELETE and self.name:
            GONE.append(f"{self.name} {self.value} {self.refused()}")


class Minted(Token):
    """Derives from a Python class; its constructor shows it to the engine."""

    def __init__(self) -> None:
        super().__init__()
        self.set_meta("seen", [1])
        self.changed.emit(5, self)


class Listed(RefCounted):
    """Is kept in Python by its constructor."""

    every: list[Listed] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.every.append(self)


class Broken(RefCounted):
    """Cannot be initialised."""

    def __init__(self) -> None:
        raise ValueError("in __init__")


class Part:
    """A plain object that has to live as long as what it belongs to."""

    def __init__(self, whole: Cyclic) -> None:
        self.whole = whole
        self.open = True

    def __del__(self) -> None:
        self.open = False
        GONE.append("part")


class Cyclic(RefCounted):
    """Refers to itself, by a detour."""

    def __init__(self) -> None:
        self.part = Part(self)
        self.me = self

    def is_whole(self) -> bool:
        return self.part.open and self.part.whole is self and self.me is self


class Stats(Resource):
    """Is saved and loaded."""

    level: int = export(3, doc="Its level.")
    title: str = export("untitled")
    scores: list[int] = export([])
    inner: Resource | None = export(None)

    def rise(self) -> int:
        self.level += 1
        return self.level


class BetterStats(Stats):
    """Derives from a Python resource."""

    bonus: float = export(0.5)


class Sheet(Node):
    """A node with a resource."""

    stats: Stats | None = export(None)


class Plain(Texture2D):
    """Has virtuals that the engine calls."""

    def _get_width(self) -> int:
        return 30

    def _get_height(self) -> int:
        return 40


class Keeper(Node):
    """Keeps, returns and makes objects that count."""

    def __init__(self) -> None:
        self.kept: list[Any] = []
        self.watched: Any = None

    def keep(self, token: Token) -> None:
        self.kept.append(token)

    def keep_any(self, value: Any) -> None:
        self.kept.append(value)

    def pop(self) -> Token:
        return self.kept.pop()  # type: ignore[no-any-return]

    def pop_any(self) -> Any:
        return self.kept.pop()

    def clear(self) -> None:
        self.kept.clear()
        Listed.every.clear()

    def make(self) -> Token:
        return Token()

    def make_any(self) -> Any:
        return Token()

    def make_broken(self) -> str:
        try:
            Broken()
        except ValueError as error:
            return str(error)
        return "no exception"

    def same(self, one: Token, other: Any) -> bool:
        return one is other

    def watch(self, token: Token) -> None:
        self.watched = weakref.ref(token)

    def is_watched_there(self) -> bool:
        return self.watched() is not None

    def gone(self) -> Any:
        names = GONE[:]
        GONE.clear()
        return names

    def collect(self) -> None:
        gc.collect()

    def back_and_forth(self, times: int, keep: int) -> Any:
        """Makes tokens, hands each to the engine and back, and keeps the last `keep` on both sides."""
        kept: list[Any] = []
        node: Any = Node()
        for number in range(times):
            token = Token()
            token.value = number
            node.set_meta("token", token)
            node.set_meta("more", [token, {"token": token}])
            kept.append(node.get_meta("token"))
            if kept[-1] is not token or len(kept) > keep:
                kept.clear()
        values = [token.value for token in kept]
        node.free()
        return values
