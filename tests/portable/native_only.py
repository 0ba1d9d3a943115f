"""What the portable nodes have by name only, and the tests that are of the native nodes: each with its reason.

A property of these can be set and is kept, and changes nothing; a method answers ERR_UNAVAILABLE, or what is empty.
"""

from __future__ import annotations

_UNSEEN = "the engine's peer does not show it"
_NO_COMPRESSION = "the engine's peer does not compress"
_WIRE = "looks at frames on the wire"
_NO_COMMON_LOOP = "the portable nodes have no loop in common: each polls for itself"
_BACKLOG = (
    "the engine's TCPServer lets 8 connections wait to be accepted, further ones try again after a second and more"
)
_NO_PREAMBLE = "the PROXY protocol comes before TLS and HTTP; the headers of a trusted proxy are believed"

#: Members, of each class that has them.
MEMBERS: dict[str, str] = {
    "compression": _NO_COMPRESSION,
    "compression_context_takeover": _NO_COMPRESSION,
    "compression_min_size": _NO_COMPRESSION,
    "compression_window_bits": _NO_COMPRESSION,
    "get_handshake_header": _UNSEEN,
    "latency": "the engine's peer measures none",
    "low_latency": "the wait between frames is the engine's",
    "max_compression_ratio": _NO_COMPRESSION,
    "max_control_frames_per_second": _UNSEEN,
    "max_fragments": _UNSEEN,
    "max_unfinished_size": _UNSEEN,
    "pong_received": "the engine's peer sends no pings of the game's",
    "reconnect_retry_after_max": _UNSEEN,
    "tls_private_key": "a client shows no certificate",
    "unfinished_timeout": _UNSEEN,
}

#: Tests, as "suite" or "suite.test".
TESTS: dict[str, str] = {
    "test_unix_sockets": "the engine's TCPServer listens on no Unix sockets",
    "test_proxy": "the engine's peer goes through no proxy",
    "test_compression": _NO_COMPRESSION,
    "test_inspector": "the Inspector shows the native nodes",
    "test_shortcuts": "of the bridge",
    "test_low_latency": "the wait between frames is the engine's",
    "test_server_api.test_method_poll": _NO_COMMON_LOOP,
    "test_peer_nodes.test_a_peer_that_comes_while_the_server_enters_the_tree": _NO_COMMON_LOOP,
    "test_peer_nodes.test_a_peer_that_comes_while_the_server_leaves_the_tree": _NO_COMMON_LOOP,
    "test_many_connections": _BACKLOG,
    "test_authorizer.test_many_at_once": _BACKLOG,
    "test_lifecycle.test_freeing_a_server_with_100_peers": _BACKLOG,
    "test_frames_to_open.test_many_at_once": _BACKLOG,
    "test_limits.test_the_ratio_of_what_is_unpacked": _NO_COMPRESSION,
    "test_trusted_proxies.test_the_proxy_protocol": _NO_PREAMBLE,
    "test_trusted_proxies.test_a_malformed_proxy_header_is_told_and_closed": _NO_PREAMBLE,
    "test_back_pressure.test_the_newest_state_is_late_by_no_queue": "the engine does not tell what the system holds",
    "test_tls.test_a_plain_client_of_a_secure_server_and_the_other_way_round": "the engine tells no TLS errors apart",
    "test_statistics.test_monitors_count_all_nodes_and_those_that_are_gone": "the monitors are of the native nodes",
    "test_thread_groups": "a script's node may not run on a thread of its own",
}
