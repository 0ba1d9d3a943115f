"""asyncio's selector where an epoll can watch no other one: each of its files is watched by the hub's epoll itself."""

from __future__ import annotations

import selectors
from typing import TYPE_CHECKING, Any

from .epoll import READING, WRITING, Epoll, Watched

if TYPE_CHECKING:
    from .event_loop import EventLoop


class _File(Watched):
    """One file of asyncio's."""

    def __init__(self, selector: SharedSelector, key: selectors.SelectorKey) -> None:
        self.key = key
        self._selector = selector

    def readable(self) -> int:
        """See Watched."""
        self._selector.found(self.key, selectors.EVENT_READ)
        return 1

    def writable(self) -> int:
        """See Watched."""
        self._selector.found(self.key, selectors.EVENT_WRITE)
        return 1

    def failed(self, error: Exception) -> None:
        """See Watched."""


class SharedSelector(selectors.BaseSelector):
    """Asks the system nothing: what is ready is told by `epoll` in a turn of the hub, before asyncio has its own."""

    #: Whose it is; to be set once that is made.
    loop: EventLoop

    def __init__(self, epoll: Epoll) -> None:
        self._epoll = epoll
        self._files: dict[int, _File] = {}
        self._keys: dict[object, selectors.SelectorKey] = {}
        self._found: dict[int, int] = {}
        # Whether the loop has a callback of ours, so that the hub turns it.
        self._is_told = False

    def found(self, key: selectors.SelectorKey, event: int) -> None:
        """A file is ready. It is told again until whoever waits for it has seen to it, or waits no more."""
        self._found[key.fd] = self._found.get(key.fd, 0) | event
        if not self._is_told:
            self._is_told = True
            self.loop.call_soon(self._have_told)

    def _have_told(self) -> None:
        self._is_told = False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What was found since the last time. It never waits."""
        found, self._found = self._found, {}
        ready = []
        for fd, events in found.items():
            if (file := self._files.get(fd)) is not None and (wanted := events & file.key.events):
                ready.append((file.key, wanted))
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """See BaseSelector."""
        key = selectors.SelectorKey(fileobj, _descriptor(fileobj), events, data)
        if key.fd in self._files:
            raise KeyError(f"{fileobj!r} is registered already")
        file = _File(self, key)
        file.watch_file(self._epoll, key.fd, _mask(events))
        self._files[key.fd] = file
        self._keys[key.fd] = self._keys[fileobj] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """See BaseSelector."""
        key = self.get_key(fileobj)
        del self._keys[key.fd]
        self._keys.pop(key.fileobj, None)
        self._found.pop(key.fd, None)
        self._files.pop(key.fd).unwatch()
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """See BaseSelector."""
        before = self.get_key(fileobj)
        key = before._replace(events=events, data=data)
        file = self._files[key.fd]
        file.key = self._keys[key.fd] = self._keys[key.fileobj] = key
        if events != before.events:
            file.watch_file(self._epoll, key.fd, _mask(events))
        return key

    def get_map(self) -> dict[object, selectors.SelectorKey]:  # type: ignore[override]  # A dict is a mapping, too.
        """See BaseSelector."""
        return self._keys

    def close(self) -> None:
        """See BaseSelector."""
        for file in self._files.values():
            file.unwatch()
        self._files.clear()
        self._keys.clear()
        self._found.clear()


def _descriptor(fileobj: Any) -> int:
    return fileobj if isinstance(fileobj, int) else int(fileobj.fileno())


def _mask(events: int) -> int:
    return (READING if events & selectors.EVENT_READ else 0) | (WRITING if events & selectors.EVENT_WRITE else 0)
