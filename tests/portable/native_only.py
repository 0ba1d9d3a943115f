"""What the portable nodes have by name only, and the tests that are of the native nodes: each with its reason.

A property of these can be set and is kept, and changes nothing; a method answers ERR_UNAVAILABLE, or what is empty.
"""

from __future__ import annotations

_NO_COMPRESSION = "the portable nodes do not compress"
_NO_UNIX = "the engine has no Unix sockets that a game could use everywhere"
_NO_COMMON_LOOP = "the portable nodes have no loop in common: each polls for itself"
_BACKLOG = (
    "the engine's TCPServer lets 8 connections wait to be accepted, further ones try again after a second and more"
)
_NO_PREAMBLE = "the PROXY protocol comes before TLS and HTTP; the headers of a trusted proxy are believed"
_NO_SCENES = "an exported game's scenes are changed by the editor plugin, see the tests of the export"
# STATUS_ERROR of StreamPeerTLS stands for an authority that nobody knows, and for the certificate of another host, too:
# so with auto_reconnect the portable client tries again after these, where the native one gives up.
_TLS_IS_SILENT = "the engine's TLS tells not why a handshake failed"
_NO_SIMULATION = "the portable nodes have no link over which another one could be laid"
_NO_DRAIN = "the portable server is for who plays on a phone or in a browser, and is restarted by hand"
_NO_HANDOVER = "the engine hands no sockets to another process"
_FRAMES = "the wait between frames is the engine's"

#: Members, of each class that has them.
MEMBERS: dict[str, str] = {
    "bandwidth": _NO_SIMULATION,
    "compression": _NO_COMPRESSION,
    "compression_context_takeover": _NO_COMPRESSION,
    "compression_min_size": _NO_COMPRESSION,
    "compression_window_bits": _NO_COMPRESSION,
    "cut_bytes": _NO_SIMULATION,
    "cut_interval": _NO_SIMULATION,
    "drain": _NO_DRAIN,
    "drain_finished": _NO_DRAIN,
    "drain_on_terminate": _NO_DRAIN,
    "drain_time": _NO_DRAIN,
    "handed_over": _NO_HANDOVER,
    "handover_data": _NO_HANDOVER,
    "handover_path": _NO_HANDOVER,
    "handover_timeout": _NO_HANDOVER,
    "jitter": _NO_SIMULATION,
    "low_latency": _FRAMES,
    "max_compression_ratio": _NO_COMPRESSION,
    "reserved_descriptors": "a script cannot hold descriptors of the system",
    "seed": _NO_SIMULATION,
    "simulation": _NO_SIMULATION,
    "stall_interval": _NO_SIMULATION,
    "stall_time": _NO_SIMULATION,
    "taken_over": _NO_HANDOVER,
    "unix_socket_mode": _NO_UNIX,
    "unix_socket_owner": _NO_UNIX,
}

#: Tests, as "suite" or "suite.test".
TESTS: dict[str, str] = {
    "test_authorizer.test_many_at_once": _BACKLOG,
    "test_autostart.test_a_client_connects_when_its_scene_is_ready": _NO_SCENES,
    "test_autostart.test_a_server_starts_when_its_scene_is_ready": _NO_SCENES,
    "test_back_pressure.test_the_newest_state_is_late_by_no_queue": "the engine does not tell what the system holds",
    "test_compression": _NO_COMPRESSION,
    "test_drain": _NO_DRAIN,
    "test_frames_to_open.test_many_at_once": _BACKLOG,
    "test_inspector": "the Inspector shows the native nodes",
    "test_lifecycle.test_freeing_a_server_with_100_peers": _BACKLOG,
    "test_limits.test_the_ratio_of_what_is_unpacked": _NO_COMPRESSION,
    "test_low_latency": _FRAMES,
    "test_many_connections": _BACKLOG,
    "test_multiplayer.test_low_latency_is_that_of_the_node": _FRAMES,
    "test_multiplayer_frame.test_freed_on_another_thread_in_between": "a script that runs keeps its object",
    "test_multiplayer_frame.test_up_to_the_limit_and_no_further": "the engine hands each packet to the system at once",
    "test_peer_nodes.test_a_peer_that_comes_while_the_server_enters_the_tree": _NO_COMMON_LOOP,
    "test_peer_nodes.test_a_peer_that_comes_while_the_server_leaves_the_tree": _NO_COMMON_LOOP,
    "test_process_callback.test_inherit_is_kept_and_stops_with_the_parent": _NO_SCENES,
    "test_proxy": "the portable client goes through no proxy",
    "test_server_api.test_method_drain": _NO_DRAIN,
    "test_server_api.test_signal_drain_finished": _NO_DRAIN,
    "test_server_api.test_property_drain_time": _NO_DRAIN,
    "test_server_api.test_property_handover_path": _NO_HANDOVER,
    "test_server_api.test_signal_handed_over": _NO_HANDOVER,
    "test_server_api.test_signal_taken_over": _NO_HANDOVER,
    "test_server_api.test_method_poll": _NO_COMMON_LOOP,
    "test_shortcuts": "of the bridge",
    "test_thread_groups": "the portable nodes are polled on the main thread",
    "test_simulation": _NO_SIMULATION,
    "test_tls.test_a_plain_client_of_a_secure_server_and_the_other_way_round": _TLS_IS_SILENT,
    "test_tls.test_an_authority_that_nobody_knows": _TLS_IS_SILENT,
    "test_tls.test_another_name": _TLS_IS_SILENT,
    "test_tls.test_paths": _TLS_IS_SILENT,
    "test_trusted_proxies.test_a_malformed_proxy_header_is_told_and_closed": _NO_PREAMBLE,
    "test_trusted_proxies.test_the_proxy_protocol": _NO_PREAMBLE,
    "test_unix_sockets": _NO_UNIX,
}
