"""What the portable nodes have by name only, and the tests that are of the native nodes: each with its reason.

A property of these can be set and is kept, and changes nothing; a method answers ERR_UNAVAILABLE, or what is empty.
"""

from __future__ import annotations

_NO_COMPRESSION = "the portable nodes do not compress"
_NO_UNIX = "the engine has no Unix sockets that a game could use everywhere"

#: Members, of each class that has them.
MEMBERS: dict[str, str] = {
    "compression": _NO_COMPRESSION,
    "compression_context_takeover": _NO_COMPRESSION,
    "compression_min_size": _NO_COMPRESSION,
    "compression_window_bits": _NO_COMPRESSION,
    "low_latency": "the wait between frames is the engine's",
    "max_compression_ratio": _NO_COMPRESSION,
    "reserved_descriptors": "a script cannot hold descriptors of the system",
    "unix_socket_mode": _NO_UNIX,
    "unix_socket_owner": _NO_UNIX,
}

#: Tests, as "suite" or "suite.test".
TESTS: dict[str, str] = {
    "test_unix_sockets": _NO_UNIX,
    "test_proxy": "the portable client goes through no proxy",
    "test_compression": _NO_COMPRESSION,
    "test_inspector": "the Inspector shows the native nodes",
    "test_shortcuts": "of the bridge",
    "test_low_latency": "the wait between frames is the engine's",
    "test_server_api.test_method_poll": "the portable nodes have no loop in common: each polls for itself",
    "test_thread_groups": "the portable nodes are polled on the main thread",
}
