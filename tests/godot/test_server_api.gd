## Every member of WebSocketServer, typed and untyped.
# gdlint: disable=max-file-lines
extends "res://tests/godot/server_handover_api.gd"


func api_class() -> StringName:
	return &"WebSocketServer"


# --- properties


func test_property_port() -> void:
	var server := WebSocketServer.new()
	check_equal(server.port, 8080)
	server.port = 65535
	check_equal(server.get_port(), 65535)
	server.set_port(0)
	check_equal(server.port, 0)
	server.free()
	check_property("port", 8080, 9000)
	check_refuses("port", [-1, 65536])


func test_property_bind_address() -> void:
	var server := WebSocketServer.new()
	check_equal(server.bind_address, "*")
	server.bind_address = "127.0.0.1"
	check_equal(server.get_bind_address(), "127.0.0.1")
	server.set_bind_address("::1")
	check_equal(server.bind_address, "::1")
	server.free()
	check_property("bind_address", "*", "localhost")


func test_property_unix_socket_mode() -> void:
	var server := WebSocketServer.new()
	check_equal(server.unix_socket_mode, "600")
	server.unix_socket_mode = "660"
	check_equal(server.get_unix_socket_mode(), "660")
	server.set_unix_socket_mode("666")
	check_equal(server.unix_socket_mode, "666")
	server.free()
	check_property("unix_socket_mode", "600", "640")


func test_property_unix_socket_owner() -> void:
	var server := WebSocketServer.new()
	check_equal(server.unix_socket_owner, "")
	server.unix_socket_owner = ":www-data"
	check_equal(server.get_unix_socket_owner(), ":www-data")
	server.set_unix_socket_owner("me")
	check_equal(server.unix_socket_owner, "me")
	server.free()
	check_property("unix_socket_owner", "", "me:users")


func test_property_autostart() -> void:
	var server := WebSocketServer.new()
	check_equal(server.autostart, false)
	server.autostart = true
	check_equal(server.get_autostart(), true)
	server.set_autostart(false)
	check_equal(server.autostart, false)
	server.free()
	check_property("autostart", false, true)


func test_property_refuse_new_connections() -> void:
	var server := WebSocketServer.new()
	check_equal(server.refuse_new_connections, false)
	server.refuse_new_connections = true
	check_equal(server.get_refuse_new_connections(), true)
	server.set_refuse_new_connections(false)
	check_equal(server.refuse_new_connections, false)
	server.free()
	check_property("refuse_new_connections", false, true)


func test_property_allowed_origins() -> void:
	var server := WebSocketServer.new()
	check_equal(server.allowed_origins, PackedStringArray())
	server.allowed_origins = ["https://example.com"]
	check_equal(server.get_allowed_origins(), PackedStringArray(["https://example.com"]))
	server.set_allowed_origins(PackedStringArray(["*"]))
	check_equal(server.allowed_origins, PackedStringArray(["*"]))
	server.free()
	check_property("allowed_origins", PackedStringArray(), PackedStringArray(["https://*.example.com"]))


func test_property_authorizer() -> void:
	var authorizer := func(request: WebSocketRequest) -> bool: return request.path == "/"
	var server := WebSocketServer.new()
	var untyped: Variant = server
	check_equal(server.authorizer, Callable())
	server.authorizer = authorizer
	check_equal(server.get_authorizer(), authorizer)
	untyped.set_authorizer(Callable())
	check_equal(untyped.authorizer, Callable())
	untyped["authorizer"] = authorizer
	check_equal(untyped.call("get_authorizer"), authorizer)
	server.free()


func test_property_handshake_timeout() -> void:
	var server := WebSocketServer.new()
	check_equal(server.handshake_timeout, 5.0)
	server.handshake_timeout = 2.5
	check_equal(server.get_handshake_timeout(), 2.5)
	server.set_handshake_timeout(3)
	check_equal(server.handshake_timeout, 3.0)
	server.free()
	check_property("handshake_timeout", 5.0, 0.5)
	check_refuses("handshake_timeout", [0.0, 301.0])


func test_property_trusted_proxies() -> void:
	var server := WebSocketServer.new()
	check_equal(server.trusted_proxies, PackedStringArray())
	server.trusted_proxies = ["127.0.0.1", "10.0.0.0/8"]
	check_equal(server.get_trusted_proxies(), PackedStringArray(["127.0.0.1", "10.0.0.0/8"]))
	server.set_trusted_proxies(PackedStringArray(["unix:"]))
	check_equal(server.trusted_proxies, PackedStringArray(["unix:"]))
	server.free()
	check_property("trusted_proxies", PackedStringArray(), PackedStringArray(["::1", "fd00::/8"]))


func test_property_reserved_descriptors() -> void:
	var server := WebSocketServer.new()
	check_equal(server.reserved_descriptors, 32)
	server.reserved_descriptors = 0
	check_equal(server.get_reserved_descriptors(), 0)
	server.set_reserved_descriptors(65536)
	check_equal(server.reserved_descriptors, 65536)
	server.free()
	check_property("reserved_descriptors", 32, 100)
	check_refuses("reserved_descriptors", [-1, 65537])


func test_property_close_timeout() -> void:
	var server := WebSocketServer.new()
	check_equal(server.close_timeout, 5.0)
	server.close_timeout = 2.5
	check_equal(server.get_close_timeout(), 2.5)
	server.set_close_timeout(3)
	check_equal(server.close_timeout, 3.0)
	server.free()
	check_property("close_timeout", 5.0, 0.5)
	check_refuses("close_timeout", [0.0, 301.0])


func test_property_supported_protocols() -> void:
	var server := WebSocketServer.new()
	check_equal(server.supported_protocols, PackedStringArray())
	server.supported_protocols = ["a", "b"]
	check_equal(server.get_supported_protocols(), PackedStringArray(["a", "b"]))
	server.set_supported_protocols(PackedStringArray(["c"]))
	check_equal(server.supported_protocols, PackedStringArray(["c"]))
	server.free()
	check_property("supported_protocols", PackedStringArray(), PackedStringArray(["x", "y"]))


func test_property_handshake_headers() -> void:
	var server := WebSocketServer.new()
	check_equal(server.handshake_headers, PackedStringArray())
	server.handshake_headers = ["A: b"]
	check_equal(server.get_handshake_headers(), PackedStringArray(["A: b"]))
	server.set_handshake_headers(PackedStringArray())
	check_equal(server.handshake_headers, PackedStringArray())
	server.free()
	check_property("handshake_headers", PackedStringArray(), PackedStringArray(["X: ü"]))


func test_property_tls_certificate() -> void:
	var server := WebSocketServer.new()
	check_equal(server.tls_certificate, "")
	server.tls_certificate = "res://a.pem"
	check_equal(server.get_tls_certificate(), "res://a.pem")
	server.set_tls_certificate("user://b.pem")
	check_equal(server.tls_certificate, "user://b.pem")
	server.free()
	check_property("tls_certificate", "", "/c.pem")


func test_property_tls_private_key() -> void:
	var server := WebSocketServer.new()
	check_equal(server.tls_private_key, "")
	server.tls_private_key = "res://a.pem"
	check_equal(server.get_tls_private_key(), "res://a.pem")
	server.set_tls_private_key("user://b.pem")
	check_equal(server.tls_private_key, "user://b.pem")
	server.free()
	check_property("tls_private_key", "", "/c.pem")


func test_property_tls_client_ca() -> void:
	var server := WebSocketServer.new()
	check_equal(server.tls_client_ca, "")
	server.tls_client_ca = "res://a.pem"
	check_equal(server.get_tls_client_ca(), "res://a.pem")
	server.set_tls_client_ca("user://b.pem")
	check_equal(server.tls_client_ca, "user://b.pem")
	server.free()
	check_property("tls_client_ca", "", "/c.pem")


func test_property_tls_options() -> void:
	var server := WebSocketServer.new()
	check(server.tls_options == null, "null at first")
	var options := TLSOptions.client()
	server.tls_options = options
	check_equal(server.get_tls_options(), options)
	server.set_tls_options(null)
	check(server.tls_options == null, "null again")
	var untyped: Variant = server
	untyped.tls_options = options
	check_equal(untyped.get("tls_options"), options)
	untyped.set("tls_options", null)
	check(untyped.get_tls_options() == null, "null again, untyped")
	untyped.set_tls_options(options)
	check_equal(untyped.tls_options, options)
	server.free()


func test_property_simulation() -> void:
	var server := WebSocketServer.new()
	check(server.simulation == null, "null at first")
	var bad := WebSocketSimulation.new()
	server.simulation = bad
	check_equal(server.get_simulation(), bad)
	server.set_simulation(null)
	check(server.simulation == null, "null again")
	var untyped: Variant = server
	untyped.simulation = bad
	check_equal(untyped.get("simulation"), bad)
	untyped.set("simulation", null)
	check(untyped.get_simulation() == null, "null again, untyped")
	untyped.set_simulation(bad)
	check_equal(untyped.simulation, bad)
	server.free()


func test_property_compression() -> void:
	var server := WebSocketServer.new()
	var mode: WebSocketServer.CompressionMode = server.compression
	check_equal(mode, WebSocketServer.COMPRESSION_TEXT as int)
	server.compression = WebSocketServer.COMPRESSION_OFF
	check_equal(server.get_compression(), WebSocketServer.COMPRESSION_OFF as int)
	server.set_compression(WebSocketServer.COMPRESSION_ALL)
	check_equal(server.compression, WebSocketServer.COMPRESSION_ALL as int)
	server.free()
	check_property("compression", 1, 2)


func test_property_compression_min_size() -> void:
	var server := WebSocketServer.new()
	check_equal(server.compression_min_size, 1024)
	server.compression_min_size = 1
	check_equal(server.get_compression_min_size(), 1)
	server.set_compression_min_size(2048)
	check_equal(server.compression_min_size, 2048)
	server.free()
	check_property("compression_min_size", 1024, 0)
	check_refuses("compression_min_size", [-1])


func test_property_compression_context_takeover() -> void:
	var server := WebSocketServer.new()
	check_equal(server.compression_context_takeover, false)
	server.compression_context_takeover = true
	check_equal(server.get_compression_context_takeover(), true)
	server.set_compression_context_takeover(false)
	check_equal(server.compression_context_takeover, false)
	server.free()
	check_property("compression_context_takeover", false, true)


func test_property_compression_window_bits() -> void:
	var server := WebSocketServer.new()
	check_equal(server.compression_window_bits, 12)
	server.compression_window_bits = 9
	check_equal(server.get_compression_window_bits(), 9)
	server.set_compression_window_bits(15)
	check_equal(server.compression_window_bits, 15)
	server.free()
	check_property("compression_window_bits", 12, 10)
	check_refuses("compression_window_bits", [8, 16])


func test_property_max_message_size() -> void:
	var server := WebSocketServer.new()
	check_equal(server.max_message_size, 1 << 20)
	server.max_message_size = 1
	check_equal(server.get_max_message_size(), 1)
	server.set_max_message_size((1 << 31) - 1)
	check_equal(server.max_message_size, (1 << 31) - 1)
	server.free()
	check_property("max_message_size", 1 << 20, 1000)
	check_refuses("max_message_size", [0, -1, 1 << 31])


func test_property_outbound_buffer_size() -> void:
	var server := WebSocketServer.new()
	check_equal(server.outbound_buffer_size, 1 << 26)
	server.outbound_buffer_size = 1024
	check_equal(server.get_outbound_buffer_size(), 1024)
	server.set_outbound_buffer_size(2048)
	check_equal(server.outbound_buffer_size, 2048)
	server.free()
	check_property("outbound_buffer_size", 1 << 26, 4096)
	check_refuses("outbound_buffer_size", [0])


func test_property_max_queued_bytes() -> void:
	var server := WebSocketServer.new()
	check_equal(server.max_queued_bytes, 1 << 26)
	server.max_queued_bytes = 1024
	check_equal(server.get_max_queued_bytes(), 1024)
	server.set_max_queued_bytes(2048)
	check_equal(server.max_queued_bytes, 2048)
	server.free()
	check_property("max_queued_bytes", 1 << 26, 4096)
	check_refuses("max_queued_bytes", [0])


func test_property_max_poll_time() -> void:
	var server := WebSocketServer.new()
	check_equal(server.max_poll_time, 0.005)
	server.max_poll_time = 0.0001
	check_equal(server.get_max_poll_time(), 0.0001)
	server.set_max_poll_time(1)
	check_equal(server.max_poll_time, 1.0)
	server.free()
	check_property("max_poll_time", 0.005, 0.25)
	check_refuses("max_poll_time", [0.0, 1.1])


func test_property_heartbeat_interval() -> void:
	var server := WebSocketServer.new()
	check_equal(server.heartbeat_interval, 20.0)
	server.heartbeat_interval = 2.5
	check_equal(server.get_heartbeat_interval(), 2.5)
	server.set_heartbeat_interval(0)
	check_equal(server.heartbeat_interval, 0.0)
	server.free()
	check_property("heartbeat_interval", 20.0, 3600.0)
	check_refuses("heartbeat_interval", [-0.1, 3601.0])


func test_property_heartbeat_timeout() -> void:
	var server := WebSocketServer.new()
	check_equal(server.heartbeat_timeout, 20.0)
	server.heartbeat_timeout = 2.5
	check_equal(server.get_heartbeat_timeout(), 2.5)
	server.set_heartbeat_timeout(3)
	check_equal(server.heartbeat_timeout, 3.0)
	server.free()
	check_property("heartbeat_timeout", 20.0, 0.1)
	check_refuses("heartbeat_timeout", [0.0, 3601.0])


func test_property_slow_peer_timeout() -> void:
	var server := WebSocketServer.new()
	check_equal(server.slow_peer_timeout, 30.0)
	server.slow_peer_timeout = 2.5
	check_equal(server.get_slow_peer_timeout(), 2.5)
	server.set_slow_peer_timeout(3)
	check_equal(server.slow_peer_timeout, 3.0)
	server.free()
	check_property("slow_peer_timeout", 30.0, 0.0)
	check_refuses("slow_peer_timeout", [-0.1, 3601.0])


func test_property_session_timeout() -> void:
	var server := WebSocketServer.new()
	check_equal(server.session_timeout, 0.0)
	server.session_timeout = 2.5
	check_equal(server.get_session_timeout(), 2.5)
	server.set_session_timeout(3.0)
	check_equal(server.session_timeout, 3.0)
	server.free()
	check_property("session_timeout", 0.0, 30.0)
	check_refuses("session_timeout", [-0.1, 86401.0])


func test_property_session_buffer_size() -> void:
	var server := WebSocketServer.new()
	check_equal(server.session_buffer_size, 4194304)
	server.session_buffer_size = 4096
	check_equal(server.get_session_buffer_size(), 4096)
	server.set_session_buffer_size(1024)
	check_equal(server.session_buffer_size, 1024)
	server.free()
	check_property("session_buffer_size", 4194304, 65536)
	check_refuses("session_buffer_size", [1023, 1 << 31])


func test_property_max_interrupted_sessions() -> void:
	var server := WebSocketServer.new()
	check_equal(server.max_interrupted_sessions, 1024)
	server.max_interrupted_sessions = 10
	check_equal(server.get_max_interrupted_sessions(), 10)
	server.free()
	check_property("max_interrupted_sessions", 1024, 5)
	check_refuses("max_interrupted_sessions", [0, 1000001])


func test_property_max_session_memory() -> void:
	var server := WebSocketServer.new()
	check_equal(server.max_session_memory, 268435456)
	server.set_max_session_memory(4096)
	check_equal(server.get_max_session_memory(), 4096)
	server.free()
	check_property("max_session_memory", 268435456, 65536)
	check_refuses("max_session_memory", [1023, (1 << 40) + 1])


func test_property_max_connections() -> void:
	var server := WebSocketServer.new()
	check_equal(server.max_connections, 16384)
	server.max_connections = 100
	check_equal(server.get_max_connections(), 100)
	server.set_max_connections(0)
	check_equal(server.max_connections, 0)
	server.free()
	check_property("max_connections", 16384, 5)
	check_refuses("max_connections", [-1, 1 << 31])


func test_property_max_connections_per_address() -> void:
	var server := WebSocketServer.new()
	check_equal(server.max_connections_per_address, 256)
	server.max_connections_per_address = 8
	check_equal(server.get_max_connections_per_address(), 8)
	server.set_max_connections_per_address(0)
	check_equal(server.max_connections_per_address, 0)
	server.free()
	check_property("max_connections_per_address", 256, 5)
	check_refuses("max_connections_per_address", [-1, 1 << 31])


func test_property_max_pending_handshakes() -> void:
	var server := WebSocketServer.new()
	check_equal(server.max_pending_handshakes, 1024)
	server.max_pending_handshakes = 64
	check_equal(server.get_max_pending_handshakes(), 64)
	server.set_max_pending_handshakes(0)
	check_equal(server.max_pending_handshakes, 0)
	server.free()
	check_property("max_pending_handshakes", 1024, 5)
	check_refuses("max_pending_handshakes", [-1, 1 << 31])


func test_property_max_fragments() -> void:
	var server := WebSocketServer.new()
	check_equal(server.max_fragments, 131072)
	server.max_fragments = 9
	check_equal(server.get_max_fragments(), 9)
	server.set_max_fragments(1024)
	check_equal(server.max_fragments, 1024)
	server.free()
	check_property("max_fragments", 131072, 7)
	check_refuses("max_fragments", [-1, 1 << 31])


func test_property_max_compression_ratio() -> void:
	var server := WebSocketServer.new()
	check_equal(server.max_compression_ratio, 256)
	server.max_compression_ratio = 100
	check_equal(server.get_max_compression_ratio(), 100)
	server.set_max_compression_ratio(0)
	check_equal(server.max_compression_ratio, 0)
	server.free()
	check_property("max_compression_ratio", 256, 50)
	check_refuses("max_compression_ratio", [-1, 1 << 31])


func test_property_max_messages_per_second() -> void:
	var server := WebSocketServer.new()
	check_equal(server.max_messages_per_second, 0)
	server.max_messages_per_second = 100
	check_equal(server.get_max_messages_per_second(), 100)
	server.set_max_messages_per_second(30)
	check_equal(server.max_messages_per_second, 30)
	server.free()
	check_property("max_messages_per_second", 0, 5)
	check_refuses("max_messages_per_second", [-1, 1 << 31])


func test_property_max_bytes_per_second() -> void:
	var server := WebSocketServer.new()
	check_equal(server.max_bytes_per_second, 0)
	server.max_bytes_per_second = 100_000
	check_equal(server.get_max_bytes_per_second(), 100_000)
	server.set_max_bytes_per_second(1000)
	check_equal(server.max_bytes_per_second, 1000)
	server.free()
	check_property("max_bytes_per_second", 0, 5)
	check_refuses("max_bytes_per_second", [-1, 1 << 31])


func test_property_max_control_frames_per_second() -> void:
	var server := WebSocketServer.new()
	check_equal(server.max_control_frames_per_second, 500)
	server.max_control_frames_per_second = 100
	check_equal(server.get_max_control_frames_per_second(), 100)
	server.set_max_control_frames_per_second(0)
	check_equal(server.max_control_frames_per_second, 0)
	server.free()
	check_property("max_control_frames_per_second", 500, 5)
	check_refuses("max_control_frames_per_second", [-1, 1 << 31])


func test_property_rate_burst() -> void:
	var server := WebSocketServer.new()
	check_equal(server.rate_burst, 2.0)
	server.rate_burst = 2.5
	check_equal(server.get_rate_burst(), 2.5)
	server.set_rate_burst(3)
	check_equal(server.rate_burst, 3.0)
	server.free()
	check_property("rate_burst", 2.0, 0.5)
	check_refuses("rate_burst", [0.0, 3601.0])


func test_property_rate_timeout() -> void:
	var server := WebSocketServer.new()
	check_equal(server.rate_timeout, 10.0)
	server.rate_timeout = 2.5
	check_equal(server.get_rate_timeout(), 2.5)
	server.set_rate_timeout(3)
	check_equal(server.rate_timeout, 3.0)
	server.free()
	check_property("rate_timeout", 10.0, 0.5)
	check_refuses("rate_timeout", [-1.0, 3601.0])


func test_property_supervisor() -> void:
	var server := WebSocketServer.new()
	check_equal(server.supervisor, Callable())
	server.supervisor = _supervise
	check_equal(server.get_supervisor(), _supervise)
	server.set_supervisor(Callable())
	check_equal(server.supervisor, Callable())
	server.free()
	var untyped: Variant = WebSocketServer.new()
	untyped.supervisor = _supervise
	check_equal(untyped.supervisor, _supervise)
	untyped.set("supervisor", Callable())
	check_equal(untyped.call("get_supervisor"), Callable())
	untyped.free()


func test_property_outgoing_supervisor() -> void:
	var server := WebSocketServer.new()
	check_equal(server.outgoing_supervisor, Callable())
	server.outgoing_supervisor = _supervise
	check_equal(server.get_outgoing_supervisor(), _supervise)
	server.set_outgoing_supervisor(Callable())
	check_equal(server.outgoing_supervisor, Callable())
	server.free()
	var untyped: Variant = WebSocketServer.new()
	untyped.outgoing_supervisor = _supervise
	check_equal(untyped.outgoing_supervisor, _supervise)
	untyped.set("outgoing_supervisor", Callable())
	check_equal(untyped.call("get_outgoing_supervisor"), Callable())
	untyped.free()


func _supervise(_a: Variant, _b: Variant = null) -> bool:
	return true


func test_property_max_unfinished_size() -> void:
	var server := WebSocketServer.new()
	check_equal(server.max_unfinished_size, 1 << 28)
	server.max_unfinished_size = 1024
	check_equal(server.get_max_unfinished_size(), 1024)
	server.set_max_unfinished_size((1 << 31) - 1)
	check_equal(server.max_unfinished_size, (1 << 31) - 1)
	server.free()
	check_property("max_unfinished_size", 1 << 28, 4096)
	check_refuses("max_unfinished_size", [0, 1023, 1 << 31])


func test_property_max_outbound_size() -> void:
	var server := WebSocketServer.new()
	check_equal(server.max_outbound_size, 1 << 28)
	server.max_outbound_size = 0
	check_equal(server.get_max_outbound_size(), 0)
	server.set_max_outbound_size(1 << 40)
	check_equal(server.max_outbound_size, 1 << 40)
	server.free()
	check_property("max_outbound_size", 1 << 28, 4096)
	check_refuses("max_outbound_size", [-1, (1 << 40) + 1])


func test_property_unfinished_timeout() -> void:
	var server := WebSocketServer.new()
	check_equal(server.unfinished_timeout, 60.0)
	server.unfinished_timeout = 2.5
	check_equal(server.get_unfinished_timeout(), 2.5)
	server.set_unfinished_timeout(3)
	check_equal(server.unfinished_timeout, 3.0)
	server.free()
	check_property("unfinished_timeout", 60.0, 0.1)
	check_refuses("unfinished_timeout", [0.0, 3601.0])


func test_property_low_latency() -> void:
	var server := WebSocketServer.new()
	check_equal(server.low_latency, false)
	server.low_latency = true
	check_equal(server.get_low_latency(), true)
	server.set_low_latency(false)
	check_equal(server.low_latency, false)
	server.free()
	check_property("low_latency", false, true)


func test_property_process_callback() -> void:
	var server := WebSocketServer.new()
	var callback: WebSocketServer.ProcessCallback = server.process_callback
	check_equal(callback, WebSocketServer.PROCESS_IDLE as int)
	server.process_callback = WebSocketServer.PROCESS_PHYSICS
	check_equal(server.get_process_callback(), WebSocketServer.PROCESS_PHYSICS as int)
	server.set_process_callback(WebSocketServer.PROCESS_MANUAL)
	check_equal(server.process_callback, WebSocketServer.PROCESS_MANUAL as int)
	server.free()
	check_property("process_callback", 0, 2)


func test_property_status() -> void:
	var server := WebSocketServer.new()
	var untyped: Variant = server
	var status: WebSocketServer.Status = server.status
	check_equal(status, WebSocketServer.STATUS_IDLE as int)
	server.listen(0)
	check_equal(server.get_status(), WebSocketServer.STATUS_ACTIVE as int)
	check_equal(untyped["status"], 1)
	check_equal(untyped.call("get_status"), 1)
	server.free()


func test_property_peers() -> void:
	var server := start_server()
	var untyped: Variant = server
	check_equal(server.peers, {})
	await open_client(server)
	var peers: Dictionary = server.peers
	check_equal(peers.keys(), Array(server.get_peer_ids()))
	check_equal(peers.values(), [last_peer(server)])
	check_equal(server.get_peers(), peers)
	check_equal(untyped["peers"], peers)
	check_equal(untyped.call("get_peers"), peers)


# --- listening


func test_method_listen() -> void:
	var server := WebSocketServer.new()
	var untyped: Variant = server
	check_equal(server.listen(0), OK)
	var port := server.get_local_port()
	server.stop()
	check_equal(untyped.call("listen", port), OK)
	check_equal(server.get_local_port(), port)
	server.stop()
	server.port = port
	check_equal(server.listen(), OK, "on the property's port")
	check_equal(server.get_local_port(), port)
	server.stop()
	check_equal(untyped.listen(), OK)
	server.free()


func test_method_stop() -> void:
	var server := start_server()
	var untyped: Variant = server
	server.stop()
	check_equal(server.is_listening(), false)
	server.stop()
	server.listen(0)
	untyped.call("stop")
	check_equal(server.is_listening(), false)


func test_method_is_listening() -> void:
	var server := WebSocketServer.new()
	var untyped: Variant = server
	check_equal(server.is_listening(), false)
	check_equal(untyped.call("is_listening"), false)
	server.listen(0)
	check_equal(server.is_listening(), true)
	check_equal(untyped.is_listening(), true)
	server.free()


func test_method_get_local_port() -> void:
	var server := WebSocketServer.new()
	var untyped: Variant = server
	check_equal(server.get_local_port(), 0)
	server.listen(0)
	check(server.get_local_port() > 0, "a port")
	check_equal(untyped.call("get_local_port"), server.get_local_port())
	server.free()


func test_method_poll() -> void:
	var server := WebSocketServer.new()
	var untyped: Variant = server
	server.poll()
	server.listen(0)
	var client := WebSocketClient.new()
	client.connect_to_url(url_of(server))
	var deadline := Time.get_ticks_msec() + DEADLINE_MSEC
	while server.get_peer_count() == 0 and Time.get_ticks_msec() < deadline:
		server.poll()
		untyped.call("poll")
	check_equal(server.get_peer_count(), 1)
	client.free()
	server.free()


# --- peers


func test_property_multiplayer_path() -> void:
	var server := WebSocketServer.new()
	check_equal(server.multiplayer_path, "")
	server.multiplayer_path = "/mp"
	check_equal(server.get_multiplayer_path(), "/mp")
	server.set_multiplayer_path("/play")
	check_equal(server.multiplayer_path, "/play")
	server.free()
	check_property("multiplayer_path", "", "/mp")


func test_method_get_multiplayer_peer() -> void:
	var server := start_server()
	var untyped: Variant = server
	var peer: MultiplayerPeer = server.get_multiplayer_peer()
	check_equal(peer.get_unique_id(), 1)
	check_equal(untyped.call("get_multiplayer_peer") == peer, true)
	check_equal(untyped.get_multiplayer_peer() == peer, true)


func test_method_get_peer() -> void:
	var server := start_server()
	await open_client(server)
	var untyped: Variant = server
	var id := server.get_peer_ids()[0]
	var peer: WebSocketPeerNode = server.get_peer(id)
	check_equal(peer.peer_id, id)
	check_equal(untyped.call("get_peer", id) == peer, true)
	check_equal(untyped.get_peer(1) == null, true)
	check_equal(server.get_peer(1) == null, true)


func test_method_has_peer() -> void:
	var server := start_server()
	await open_client(server)
	var untyped: Variant = server
	var id := server.get_peer_ids()[0]
	check_equal(server.has_peer(id), true)
	check_equal(untyped.call("has_peer", id), true)
	check_equal(server.has_peer(1), false)
	check_equal(untyped.has_peer(1), false)


func test_method_get_peer_ids() -> void:
	var server := start_server()
	var untyped: Variant = server
	check_equal(server.get_peer_ids(), PackedInt64Array())
	await open_client(server)
	await open_client(server)
	var ids := server.get_peer_ids()
	check_equal(ids.size(), 2)
	check(ids[0] >= 2 and ids[0] <= 2147483647 and ids[0] != ids[1], "ids")
	check_equal(untyped.call("get_peer_ids"), ids)


func test_method_get_peer_count() -> void:
	var server := start_server()
	var untyped: Variant = server
	check_equal(server.get_peer_count(), 0)
	await open_client(server)
	check_equal(server.get_peer_count(), 1)
	check_equal(untyped.call("get_peer_count"), 1)


func test_method_get_statistics() -> void:
	var server := start_server()
	var untyped: Variant = server
	await open_client(server)
	check_equal(server.get_statistics()["connections_made"], 1)
	check_equal(untyped.call("get_statistics"), server.get_statistics())


func test_method_disconnect_peer() -> void:
	var server := start_server()
	var untyped: Variant = server
	for call_it: Callable in [
		func(id: int) -> Error: return server.disconnect_peer(id, 4000, "why"),
		func(id: int) -> Error: return untyped.call("disconnect_peer", id, 4000, "why"),
	]:
		var client: WebSocketClient = await open_client(server)
		check_equal(call_it.call(server.get_peer_ids()[0]), OK)
		await until(func() -> bool: return server.get_peer_count() == 0)
		await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
		check_equal([client.get_close_code(), client.get_close_reason()], [4000, "why"])
	var last: WebSocketClient = await open_client(server)
	check_equal(server.disconnect_peer(server.get_peer_ids()[0]), OK)
	await until(func() -> bool: return last.status == WebSocketClient.STATUS_IDLE)
	check_equal(last.get_close_code(), 1000)


# --- sending


func test_method_send() -> void:
	var server := start_server()
	var untyped: Variant = server
	var client: WebSocketClient = await open_client(server)
	var log := record(client)
	var id := server.get_peer_ids()[0]
	check_equal(server.send(id, "typed"), OK)
	check_equal(server.send(id, PackedByteArray([1, 2])), OK)
	check_equal(untyped.send(id, "untyped"), OK)
	check_equal(untyped.call("send", 0, PackedByteArray()), OK)
	await until(func() -> bool: return named(log, "message_received").size() == 4)
	var expected: Array[Array] = [["typed"], [PackedByteArray([1, 2])], ["untyped"], [PackedByteArray()]]
	check_equal(named(log, "message_received"), expected)


func test_method_send_text() -> void:
	var server := start_server()
	var untyped: Variant = server
	var client: WebSocketClient = await open_client(server)
	var log := record(client)
	check_equal(server.send_text(server.get_peer_ids()[0], "typed"), OK)
	check_equal(untyped.send_text(0, "untyped"), OK)
	check_equal(untyped.call("send_text", 0, ""), OK)
	await until(func() -> bool: return named(log, "message_received").size() == 3)
	check_equal(named(log, "message_received"), [["typed"], ["untyped"], [""]] as Array[Array])


func test_method_send_json() -> void:
	var server := start_server()
	var untyped: Variant = server
	var client: WebSocketClient = await open_client(server)
	var log := record(client)
	var id := server.get_peer_ids()[0]
	check_equal(server.send_json(id, {"a": 1}), OK)
	check_equal(untyped.call("send_json", id, null), OK)
	await until(func() -> bool: return named(log, "message_received").size() == 2)
	check_equal(named(log, "message_received"), [['{"a":1}'], ["null"]] as Array[Array])


func test_method_sign_token() -> void:
	var untyped: Variant = WebSocketServer
	var token := WebSocketServer.sign_token("secret", {"sub": "ada"}, 60.0)
	check_equal(token.count("."), 2)
	check_equal(WebSocketServer.verify_token("secret", untyped.sign_token("secret", {"a": [1]}, 60))["a"], [1])
	expect_error("^ERROR: sign_token: the secret is empty")
	check_equal(WebSocketServer.sign_token("", {}, 1.0), "")
	expect_error("^ERROR: sign_token: seconds must be positive")
	check_equal(untyped.sign_token("x", {}, 0), "")
	expect_error("^ERROR: sign_token: .* has no form in JSON")
	check_equal(WebSocketServer.sign_token("x", {"a": self}, 1.0), "")


func test_method_verify_token() -> void:
	var untyped: Variant = WebSocketServer
	var token := WebSocketServer.sign_token("secret", {"sub": "ada", "level": 7, "of": {"a": null}}, 60.0)
	var claims := WebSocketServer.verify_token("secret", token)
	check_equal([claims["sub"], claims["level"], claims["of"]], ["ada", 7, {"a": null}])
	check_equal(untyped.verify_token("secret", token), claims)
	check(claims["exp"] > Time.get_unix_time_from_system(), "seconds since 1970")
	for wrong: String in ["", ".", "..", "x.y.z", token + "A", token.left(-1)]:
		check_equal(WebSocketServer.verify_token("secret", wrong), {})
	check_equal(untyped.verify_token("other", token), {})
	check_equal(untyped.verify_token("", token), {})


func test_method_send_latest() -> void:
	var server := start_server()
	var untyped: Variant = server
	var client: WebSocketClient = await open_client(server)
	var log := record(client)
	var id := server.get_peer_ids()[0]
	check_equal(server.send_latest(id, "a", "replaced"), OK)
	check_equal(server.send_latest(id, "a", "typed"), OK)
	check_equal(untyped.send_latest(0, 5, PackedByteArray([1])), OK)
	check_equal(untyped.call("send_latest", id, &"b", "untyped"), OK)
	await until(func() -> bool: return named(log, "message_received").size() == 3)
	check_equal(named(log, "message_received"), [["typed"], [PackedByteArray([1])], ["untyped"]] as Array[Array])


# --- signals


func test_signal_client_connected() -> void:
	await _check_signals()


func test_signal_client_disconnected() -> void:
	await _check_signals()


func test_signal_message_received() -> void:
	await _check_signals()


func test_signal_status_changed() -> void:
	await _check_signals()


## One connection from its beginning to its end, seen by handlers connected typed and by name.
func _check_signals() -> void:
	var server := WebSocketServer.new()
	server.bind_address = "localhost"
	add_child(server)
	var seen: Array[Array] = []
	server.client_connected.connect(func(id: int) -> void: seen.append(["client_connected", id]))
	server.client_disconnected.connect(func(id: int) -> void: seen.append(["client_disconnected", id]))
	server.message_received.connect(
		func(id: int, message: Variant) -> void: seen.append(["message_received", id, message])
	)
	server.status_changed.connect(
		func(status: WebSocketServer.Status) -> void: seen.append(["status_changed", status as int])
	)
	var by_name := record(server)
	check_equal(server.listen(0), OK)
	var client: WebSocketClient = await open_client(server)
	var id := server.get_peer_ids()[0]
	client.send("hello")
	client.close()
	await until(func() -> bool: return server.get_peer_count() == 0)
	server.stop()
	var expected: Array[Array] = [
		["status_changed", WebSocketServer.STATUS_ACTIVE as int],
		["client_connected", id],
		["message_received", id, "hello"],
		["client_disconnected", id],
		["status_changed", WebSocketServer.STATUS_IDLE as int],
	]
	check_equal(seen, expected)
	check_equal(by_name, expected)


## What a game sees of it: test_sessions.gd.
func test_signal_client_interrupted() -> void:
	var server := WebSocketServer.new()
	check_equal(server.client_interrupted.get_name(), &"client_interrupted")
	check(server.has_signal("client_interrupted"), "by name")
	server.free()


## What a game sees of it: test_sessions.gd.
func test_signal_client_resumed() -> void:
	var server := WebSocketServer.new()
	check_equal(server.client_resumed.get_name(), &"client_resumed")
	check(server.has_signal("client_resumed"), "by name")
	server.free()


func test_signal_peer_drained() -> void:
	var server := WebSocketServer.new()
	server.bind_address = "localhost"
	server.outbound_buffer_size = 1024
	add_child(server)
	server.listen(0)
	await open_client(server)
	var seen: Array = []
	server.peer_drained.connect(func(id: int) -> void: seen.append(id))
	var by_name := record(server)
	var id := server.get_peer_ids()[0]
	check_equal(server.send(id, "x".repeat(900)), OK)
	expect_error("^ERROR: send: outbound_buffer_size is reached")
	check_equal(server.send(id, "x".repeat(900)), ERR_BUSY)
	await until(func() -> bool: return seen.size() == 1)
	check_equal(seen, [id])
	check_equal(by_name, [["peer_drained", id]] as Array[Array])


func test_signal_handshake_failed() -> void:
	var server := start_server()
	var seen: Array[String] = []
	server.handshake_failed.connect(func(reason: String) -> void: seen.append(reason))
	var by_name := record(server)
	var raw := StreamPeerTCP.new()
	raw.connect_to_host("127.0.0.1", server.get_local_port())
	await until(
		func() -> bool:
			raw.poll()
			return raw.get_status() == StreamPeerTCP.STATUS_CONNECTED
	)
	raw.disconnect_from_host()
	await until(func() -> bool: return seen.size() == 1)
	check_equal(by_name, [["handshake_failed", seen[0]]] as Array[Array])


# --- enums


func test_enum_status() -> void:
	check_enum("Status", {"STATUS_IDLE": WebSocketServer.STATUS_IDLE, "STATUS_ACTIVE": WebSocketServer.STATUS_ACTIVE})
	check_equal(WebSocketServer.Status.STATUS_ACTIVE as int, 1)


func test_enum_compression_mode() -> void:
	var typed := {
		"COMPRESSION_OFF": WebSocketServer.COMPRESSION_OFF,
		"COMPRESSION_TEXT": WebSocketServer.COMPRESSION_TEXT,
		"COMPRESSION_ALL": WebSocketServer.COMPRESSION_ALL,
	}
	check_enum("CompressionMode", typed)


func test_enum_process_callback() -> void:
	var typed := {
		"PROCESS_IDLE": WebSocketServer.PROCESS_IDLE,
		"PROCESS_PHYSICS": WebSocketServer.PROCESS_PHYSICS,
		"PROCESS_MANUAL": WebSocketServer.PROCESS_MANUAL,
	}
	check_enum("ProcessCallback", typed)


func test_wrong_arguments_are_script_errors() -> void:
	var server: Variant = WebSocketServer.new()
	expect_error("SCRIPT ERROR: Invalid type in function 'listen'.*Cannot convert argument 1 from String to int")
	_call_badly(server, "listen", ["a port"])
	expect_error("SCRIPT ERROR: Invalid call to function 'has_peer'.*Expected 1 argument")
	_call_badly(server, "has_peer", [])
	expect_error("SCRIPT ERROR: Invalid call to function 'stop'.*Expected 0 argument")
	_call_badly(server, "stop", [1])
	(server as Node).free()


## Separate, because a script error ends the function that it is in.
func _call_badly(server: Variant, method: String, arguments: Array) -> void:
	match [method, arguments.size()]:
		["listen", 1]:
			server.listen(arguments[0])
		["has_peer", 0]:
			server.has_peer()
		["stop", 1]:
			server.stop(arguments[0])
