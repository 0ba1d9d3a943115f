"""The error codes that methods return: Godot's global `Error` enum, all of it, for a handler may fail with any."""

from __future__ import annotations

import errno
import os
from enum import IntEnum

from .system_words import words_of


class Error(IntEnum):
    """What a method reports. The numbers are those of Godot's `@GlobalScope.Error`."""

    OK = 0
    FAILED = 1
    ERR_UNAVAILABLE = 2
    ERR_UNCONFIGURED = 3
    ERR_UNAUTHORIZED = 4
    ERR_PARAMETER_RANGE_ERROR = 5
    ERR_OUT_OF_MEMORY = 6
    ERR_FILE_NOT_FOUND = 7
    ERR_FILE_BAD_DRIVE = 8
    ERR_FILE_BAD_PATH = 9
    ERR_FILE_NO_PERMISSION = 10
    ERR_FILE_ALREADY_IN_USE = 11
    ERR_FILE_CANT_OPEN = 12
    ERR_FILE_CANT_WRITE = 13
    ERR_FILE_CANT_READ = 14
    ERR_FILE_UNRECOGNIZED = 15
    ERR_FILE_CORRUPT = 16
    ERR_FILE_MISSING_DEPENDENCIES = 17
    ERR_FILE_EOF = 18
    ERR_CANT_OPEN = 19
    ERR_CANT_CREATE = 20
    ERR_QUERY_FAILED = 21
    ERR_ALREADY_IN_USE = 22
    ERR_LOCKED = 23
    ERR_TIMEOUT = 24
    ERR_CANT_CONNECT = 25
    ERR_CANT_RESOLVE = 26
    ERR_CONNECTION_ERROR = 27
    ERR_CANT_ACQUIRE_RESOURCE = 28
    ERR_CANT_FORK = 29
    ERR_INVALID_DATA = 30
    ERR_INVALID_PARAMETER = 31
    ERR_ALREADY_EXISTS = 32
    ERR_DOES_NOT_EXIST = 33
    ERR_DATABASE_CANT_READ = 34
    ERR_DATABASE_CANT_WRITE = 35
    ERR_COMPILATION_FAILED = 36
    ERR_METHOD_NOT_FOUND = 37
    ERR_LINK_FAILED = 38
    ERR_SCRIPT_FAILED = 39
    ERR_CYCLIC_LINK = 40
    ERR_INVALID_DECLARATION = 41
    ERR_DUPLICATE_SYMBOL = 42
    ERR_PARSE_ERROR = 43
    ERR_BUSY = 44
    ERR_SKIP = 45
    ERR_HELP = 46
    ERR_BUG = 47
    ERR_PRINTER_ON_FIRE = 48


class BadSetting(ValueError):
    """A property cannot be used as it is: one line that says what to do, and the error to return."""

    def __init__(self, code: Error, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class CannotListen(OSError):
    """A socket to listen on is not there, or of no use. Its text says what the user can do about it."""

    def __init__(self, code: Error, advice: str) -> None:
        super().__init__(advice)
        self.code = code


_BIND_ERRORS = {
    errno.EADDRINUSE: (Error.ERR_ALREADY_IN_USE, "another program has it; choose another port, or 0 for a free one"),
    errno.EACCES: (Error.ERR_UNAUTHORIZED, "this port needs special rights; choose one above 1023"),
    errno.EPERM: (Error.ERR_UNAUTHORIZED, "the system forbids it; choose a port above 1023"),
    errno.EADDRNOTAVAIL: (Error.ERR_INVALID_PARAMETER, 'this machine has no such address; use "*" for all of its own'),
    errno.EMFILE: (
        Error.ERR_CANT_CREATE,
        "all file descriptors are used up; raise the limit of open files (ulimit -n)",
    ),
    errno.EAFNOSUPPORT: (Error.ERR_UNAVAILABLE, "this machine lacks that kind of address; use an IPv4 one"),
}
if os.name == "nt":  # Where no port needs rights: somebody has it to himself, or the system keeps it.
    _BIND_ERRORS[errno.EACCES] = _BIND_ERRORS[errno.EADDRINUSE]


def explain_bind_error(error: OSError) -> tuple[Error, str]:
    """The error code for a socket that could not be bound, and what the user can do about it."""
    known = _BIND_ERRORS.get(error.errno or 0)
    return known or (Error.ERR_CANT_CREATE, words_of(error))
