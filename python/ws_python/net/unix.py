"""Unix sockets, on both sides: a file, or on Linux a mere name, in place of an address and a port.

A server's file appears with its final rights or narrower ones, replaces that of a server that is dead, and is removed
at the end if it is still the server's own. Servers that start at once in one folder wait for each other.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..declare.errors import CannotListen, Error
from ..declare.settings import setting
from ..declare.system_words import words_of
from ..loop.hub import hub
from .dialer import Dialer, DialError

PREFIX = "unix:"

# unix(7): the longest that fits into an address, less its final NUL; elsewhere there is less room.
_MAX_PATH = 107 if sys.platform == "linux" else 103
_MODE = re.compile(r"(?:0o)?([0-7]{3,4})")
_NUMBER = re.compile(r"[0-9]{1,9}")
# What a file has until its owner is set.
_OWNER_ONLY = 0o600
# Another server that starts in the same folder holds its lock for less than a millisecond.
_LOCK_ATTEMPTS = 200
_LOCK_PAUSE = 0.001  # seconds
# Seconds between attempts while a server has no room for another connection.
_NO_ROOM_PAUSE = 0.02

_BIND_ERRORS = {
    errno.EACCES: (Error.ERR_UNAUTHORIZED, "this user may not make files in that folder; choose another"),
    errno.ENOENT: (Error.ERR_DOES_NOT_EXIST, "its folder does not exist; make it first"),
    errno.ENOTDIR: (Error.ERR_DOES_NOT_EXIST, "its folder is none; make it first"),
    errno.EROFS: (Error.ERR_CANT_CREATE, "nothing can be written in that folder; choose another"),
    errno.ENOSPC: (Error.ERR_CANT_CREATE, "the disk of that folder is full; make room, or choose another"),
    errno.EADDRINUSE: (Error.ERR_ALREADY_IN_USE, "another server has that name; stop it, or choose another name"),
}
_BIND_ERRORS[errno.EPERM] = _BIND_ERRORS[errno.EACCES]


class UnixSocketSettings:
    """For a server that can listen on a Unix socket."""

    unix_socket_mode: str = setting(
        "600",
        group="Unix Socket",
        doc='Who may connect to the Unix socket of `bind_address`, as octal file permissions (writing counts): "600" '
        'this user only, "660" its group, too, "666" everybody on this machine. A name ("unix:@name") has none: '
        "everybody may connect. Counts from the next listen() on.",
    )
    unix_socket_owner: str = setting(
        "",
        group="Unix Socket",
        doc='Whom the Unix socket of `bind_address` belongs to: "user", "user:group" or ":group", by name or number, '
        'like ":www-data" for a reverse proxy. Empty: whom the process runs as. To give it to another user, or to a '
        "group that one is not in, takes special rights. Counts from the next listen() on.",
    )


def is_unix(address: str) -> bool:
    """Whether an address is that of a Unix socket."""
    return address.startswith(PREFIX)


def checked_path(path: str) -> str:
    """The path of a socket, or "@" and a name. Raises ValueError with one line that says what is wrong."""
    if path.startswith("//"):  # As in unix:///run/game.sock.
        path = "/" + path.lstrip("/")
    if not path.startswith(("/", "@")) or path in ("/", "@"):
        raise ValueError(
            'behind "unix:" stands no absolute path, and no "@name"; write it like "unix:/run/game.sock" '
            '(ProjectSettings.globalize_path("user://game.sock") makes one)'
        )
    if not path.isprintable():
        raise ValueError("the path of the Unix socket holds a control character, or what is no text")
    if path.startswith("@") and sys.platform != "linux":
        raise ValueError(f'only Linux has Unix sockets with a name ("{PREFIX}@..."); use a path')
    if len(os.fsencode(path)) > _MAX_PATH:
        raise ValueError(f"the path of the Unix socket has more than {_MAX_PATH} bytes; choose a shorter one")
    return path


def socket_address(path: str) -> bytes:
    """What bind() and connect() take."""
    encoded = os.fsencode(path)
    return b"\0" + encoded[1:] if path.startswith("@") else encoded


class UnixDoor:
    """Where a server listens: makes the socket, and removes its file again."""

    def __init__(self, address: str, settings: UnixSocketSettings) -> None:
        """Raises ValueError with one line for a bad path, mode or owner."""
        self.path = checked_path(address.removeprefix(PREFIX))
        self.name = PREFIX + self.path
        self._mode = _parse_mode(settings.unix_socket_mode)
        self._owner = _parse_owner(settings.unix_socket_owner)
        self._identity: tuple[int, int] | None = None

    def open(self) -> socket.socket:
        """A bound socket that does not listen yet. Raises CannotListen."""
        if not hasattr(socket, "AF_UNIX"):
            raise CannotListen(Error.ERR_UNAVAILABLE, "this system has no Unix sockets; use an address and a port")
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.setblocking(False)
            if self.path.startswith("@"):
                listening.bind(socket_address(self.path))
            else:
                with _locked(os.path.dirname(self.path)):
                    self._make_room()
                    self._bind(listening)
        except CannotListen:
            listening.close()
            raise
        except OSError as error:
            listening.close()
            code, advice = _BIND_ERRORS.get(error.errno or 0, (Error.ERR_CANT_CREATE, words_of(error)))
            raise CannotListen(code, advice) from error
        except BaseException:
            listening.close()
            raise
        return listening

    def remove(self) -> None:
        """Remove the file, unless another server has replaced it. To be called while the socket is still open.

        As long as it is, no other file can have the identity of its own.
        """
        if self._identity is None:
            return
        with suppress(OSError), _locked(os.path.dirname(self.path)):
            if _identity_of(os.lstat(self.path)) == self._identity:
                os.unlink(self.path)
        self._identity = None

    def adopt(self) -> None:
        """The file of another process, which goes on here, is this one's own. Raises OSError where there is none."""
        if not self.path.startswith("@"):
            self._identity = _identity_of(os.lstat(self.path))

    def give_away(self) -> None:
        """The file is another process's own, and stays."""
        self._identity = None

    def _make_room(self) -> None:
        """Remove what a dead server left. Raises CannotListen if there is anything else."""
        try:
            found = os.lstat(self.path)
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(found.st_mode):
            raise CannotListen(Error.ERR_ALREADY_IN_USE, "there is a file that is no socket; choose another path")
        # A datagram socket never connects to one of another type, so that a living server is not disturbed.
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
            probe.setblocking(False)
            try:
                probe.connect(socket_address(self.path))
            except ConnectionRefusedError:
                with suppress(FileNotFoundError):
                    os.unlink(self.path)
                return
            except FileNotFoundError:
                return
            except PermissionError:
                raise CannotListen(
                    Error.ERR_UNAUTHORIZED,
                    "there is a socket of another user's, of a dead server or not; remove it, or choose another path",
                ) from None
            except OSError:  # EPROTOTYPE: it belongs to a socket, of another type.
                pass
        raise CannotListen(Error.ERR_ALREADY_IN_USE, "a server listens there already; stop it, or choose another path")

    def _bind(self, listening: socket.socket) -> None:
        # On Linux, the file is made with these rights at the most: nobody connects before it has its own.
        with suppress(OSError):
            os.fchmod(listening.fileno(), _OWNER_ONLY)
        listening.bind(socket_address(self.path))
        self._identity = _identity_of(os.lstat(self.path))
        try:
            if self._owner != (-1, -1):
                self._give_away()
            os.chmod(self.path, self._mode)
        except OSError:
            os.unlink(self.path)
            self._identity = None
            raise

    def _give_away(self) -> None:
        try:
            os.chown(self.path, *self._owner, follow_symlinks=False)
        except PermissionError:
            raise CannotListen(
                Error.ERR_UNAUTHORIZED,
                "this user may not give it to unix_socket_owner; use a group that it is in, or special rights",
            ) from None


class UnixDialer(Dialer):
    """Connects to a Unix socket."""

    def __init__(self, path: str) -> None:
        """Raises ValueError with one line for a bad path."""
        self._path = checked_path(path)

    async def dial(self, host: str, port: int) -> socket.socket:
        """See Dialer. Host and port are what the server is called, and lead nowhere."""
        if not hasattr(socket, "AF_UNIX"):
            raise DialError(
                "this system has no Unix sockets; use a ws:// URL", retryable=False, cause="no_unix_sockets"
            )
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connected.setblocking(False)
            # Not asyncio's sock_connect(): connect() of a Unix socket never goes on by itself, as that believes.
            while not self._connects(connected):
                await _pause(_NO_ROOM_PAUSE)
        except BaseException:
            connected.close()
            raise
        return connected

    def _connects(self, connected: socket.socket) -> bool:
        """Whether the server has room for another connection. Raises DialError."""
        try:
            connected.connect(socket_address(self._path))
        except BlockingIOError:
            return False
        except OSError as error:
            raise self._explained(error) from error
        return True

    def address(self, connected: socket.socket, host: str, port: int) -> tuple[str, int]:
        """See Dialer."""
        return PREFIX + self._path, 0

    def timed_out(self, host: str, port: int) -> str:
        """See Dialer."""
        return f"the server at {PREFIX}{self._path} did not answer in time; check it, and connect_timeout"

    def _explained(self, error: OSError) -> DialError:
        name = PREFIX + self._path
        if isinstance(error, (FileNotFoundError, ConnectionRefusedError, NotADirectoryError)):
            what = "nobody listens" if isinstance(error, ConnectionRefusedError) else "there is no socket"
            return DialError(
                f"{what} at {name}; check that the server is running, and its path",
                retryable=True,
                cause="unix_socket_refused",
            )
        if isinstance(error, PermissionError):
            # Which may pass: a server that starts gives its file away when it has made it.
            return DialError(
                f"this user may not connect to {name}; see unix_socket_mode and unix_socket_owner of the server",
                retryable=True,
                cause="unix_socket_forbidden",
            )
        return DialError(f"{name} cannot be reached: {words_of(error)}", retryable=False, cause="unix_socket_failed")


async def _pause(seconds: float) -> None:
    over = hub.loop().create_future()
    deadline = hub.deadlines.after(seconds, lambda: None if over.done() else over.set_result(None))
    try:
        await over
    finally:
        deadline.cancel()


@contextmanager
def _locked(folder: str) -> Iterator[None]:
    """Keep other servers from replacing files there meanwhile. Does without where the folder cannot be locked."""
    import fcntl  # Here, for Windows has none.

    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # It cannot be read; whether it serves, bind() tells.
        yield
        return
    try:
        for _ in range(_LOCK_ATTEMPTS):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                time.sleep(_LOCK_PAUSE)  # Who locks it for longer is none of ours.
        yield
    finally:
        os.close(descriptor)


def _identity_of(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _parse_mode(text: str) -> int:
    match = _MODE.fullmatch(text.strip())
    if match is None or int(match[1], 8) > 0o777:
        raise ValueError(f'unix_socket_mode "{text}" is no octal file permission; write it like "660"')
    return int(match[1], 8)


def _parse_owner(text: str) -> tuple[int, int]:
    """The numbers of a user and a group; -1 where it says none."""
    user, _, group = text.strip().partition(":")
    return _user_id(user), _group_id(group)


def _user_id(user: str) -> int:
    if not user or _NUMBER.fullmatch(user):
        return int(user or -1)
    try:
        import pwd
    except ImportError:  # Windows: that it has no such sockets, open() says.
        return -1
    try:
        return pwd.getpwnam(user).pw_uid
    except (KeyError, ValueError):  # ValueError: no name can be like that.
        raise ValueError(f'unix_socket_owner: this machine has no user "{_shown(user)}"') from None


def _group_id(group: str) -> int:
    if not group or _NUMBER.fullmatch(group):
        return int(group or -1)
    try:
        import grp
    except ImportError:
        return -1
    try:
        return grp.getgrnam(group).gr_gid
    except (KeyError, ValueError):
        raise ValueError(f'unix_socket_owner: this machine has no group "{_shown(group)}"') from None


def _shown(name: str) -> str:
    return name if name.isprintable() else ascii(name)[1:-1]
