"""The words of the system's errors: those of Linux, whatever system this is and whatever language it speaks."""

from __future__ import annotations

import errno
import os
import re
import socket

_WORDS = {
    "EACCES": "Permission denied",
    "EADDRINUSE": "Address already in use",
    "EADDRNOTAVAIL": "Cannot assign requested address",
    "EAFNOSUPPORT": "Address family not supported by protocol",
    "ECONNABORTED": "Software caused connection abort",
    "ECONNREFUSED": "Connection refused",
    "ECONNRESET": "Connection reset by peer",
    "EHOSTDOWN": "Host is down",
    "EHOSTUNREACH": "No route to host",
    "EINVAL": "Invalid argument",
    "EMFILE": "Too many open files",
    "ENETDOWN": "Network is down",
    "ENETRESET": "Network dropped connection on reset",
    "ENETUNREACH": "Network is unreachable",
    "ENOBUFS": "No buffer space available",
    "ENOTCONN": "Transport endpoint is not connected",
    "ENOTSOCK": "Socket operation on non-socket",
    "EOPNOTSUPP": "Operation not supported",
    "EPROTONOSUPPORT": "Protocol not supported",
    "ESHUTDOWN": "Cannot send after transport endpoint shutdown",
    "ETIMEDOUT": "Connection timed out",
}
_BY_NUMBER = {getattr(errno, name): words for name, words in _WORDS.items()}
# What resolving a name fails with (gai_strerror(3)).
_NAME_WORDS = {
    "EAI_AGAIN": "Temporary failure in name resolution",
    "EAI_FAIL": "Non-recoverable failure in name resolution",
    "EAI_NODATA": "No address associated with hostname",
    "EAI_NONAME": "Name or service not known",
}
# macOS has given up on one of them, and Windows gives one number to two.
_BY_NAME_NUMBER = {getattr(socket, name): words for name, words in _NAME_WORDS.items() if hasattr(socket, name)}
# As Python writes an error, and whoever joins several into one keeps.
_WRITTEN = re.compile(r"\[(?:Errno|WinError) (\d+)\]")


def numbers_of(error: BaseException) -> set[int]:
    """The errno of an error; of one that joins several, those of all, which are in its text only."""
    number = getattr(error, "errno", None)
    return {number} if number is not None else {_errno_of(int(found)) for found in _WRITTEN.findall(str(error))}


def _errno_of(number: int) -> int:
    # What Windows says, as Python translates it.
    return number if os.name != "nt" or number < 10000 else OSError(0, "", None, number).errno or number


def words_of(error: BaseException) -> str:
    """What the system says of an error, in one line."""
    if isinstance(error, socket.gaierror):
        return _BY_NAME_NUMBER.get(error.errno or 0) or str(error.strerror or error)
    if not isinstance(error, OSError) or hasattr(error, "library"):  # OpenSSL's, whose numbers are others.
        return str(getattr(error, "strerror", None) or error).partition("\n")[0]
    words = dict.fromkeys(_of_number(number, error) for number in sorted(numbers_of(error)))
    return "; ".join(words) or (error.strerror or str(error)).partition("\n")[0]


def _of_number(number: int, error: OSError) -> str:
    if number in _BY_NUMBER:
        return _BY_NUMBER[number]
    if error.errno is not None and error.strerror and getattr(error, "winerror", None) is None:
        return error.strerror.partition("\n")[0]
    return f"Windows error {number}" if os.name == "nt" and number >= 10000 else os.strerror(number)
