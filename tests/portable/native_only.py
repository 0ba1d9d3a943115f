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

_NO_SCENES = "an exported game's scenes are changed by the editor plugin, see tests of the export"
_TLS_IS_SILENT = "the engine's TLS tells not why a handshake failed"

#: Tests, as "suite" or "suite.test".
TESTS: dict[str, str] = {
    "test_authorizer.test_many_at_once": "hundreds of opening handshakes take a script longer than the test has",
    "test_autostart.test_a_client_connects_when_its_scene_is_ready": _NO_SCENES,
    "test_autostart.test_a_server_starts_when_its_scene_is_ready": _NO_SCENES,
    "test_compression": _NO_COMPRESSION,
    "test_inspector": "the Inspector shows the native nodes",
    "test_limits.test_the_ratio_of_what_is_unpacked": _NO_COMPRESSION,
    "test_low_latency": "the wait between frames is the engine's",
    "test_many_connections": "a thousand opening handshakes take a script longer than the test has",
    "test_process_callback.test_inherit_is_kept_and_stops_with_the_parent": _NO_SCENES,
    "test_proxy": "the portable client goes through no proxy",
    "test_server_api.test_method_poll": "the portable nodes have no loop in common: each polls for itself",
    "test_shortcuts": "of the bridge",
    "test_thread_groups": "the portable nodes are polled on the main thread",
    "test_tls.test_a_plain_client_of_a_secure_server_and_the_other_way_round": _TLS_IS_SILENT,
    "test_tls.test_an_authority_that_nobody_knows": _TLS_IS_SILENT,
    "test_tls.test_another_name": _TLS_IS_SILENT,
    "test_tls.test_paths": _TLS_IS_SILENT,
    "test_unix_sockets": _NO_UNIX,
}
