## Every member of WebSocketClient, typed and untyped.
# gdlint: disable=max-file-lines
extends "res://tests/godot/client_session_api.gd"


func api_class() -> StringName:
	return &"WebSocketClient"


# --- properties


func test_property_url() -> void:
	var client := WebSocketClient.new()
	check_equal(client.url, "")
	client.url = "ws://a"
	check_equal(client.get_url(), "ws://a")
	client.set_url("ws://b")
	check_equal(client.url, "ws://b")
	client.free()
	check_property("url", "", "wss://exämple.org/x")


func test_property_proxy() -> void:
	var client := WebSocketClient.new()
	check_equal(client.proxy, "")
	client.proxy = "none"
	check_equal(client.get_proxy(), "none")
	client.set_proxy("http://a:1")
	check_equal(client.proxy, "http://a:1")
	client.free()
	check_property("proxy", "", "socks5h://me:secret@host:1080")


func test_property_autoconnect() -> void:
	var client := WebSocketClient.new()
	check_equal(client.autoconnect, false)
	client.autoconnect = true
	check_equal(client.get_autoconnect(), true)
	client.set_autoconnect(false)
	check_equal(client.autoconnect, false)
	client.free()
	check_property("autoconnect", false, true)


func test_property_auto_reconnect() -> void:
	var client := WebSocketClient.new()
	check_equal(client.auto_reconnect, false)
	client.auto_reconnect = true
	check_equal(client.get_auto_reconnect(), true)
	client.set_auto_reconnect(false)
	check_equal(client.auto_reconnect, false)
	client.free()
	check_property("auto_reconnect", false, true)


func test_property_session() -> void:
	var client := WebSocketClient.new()
	check_equal(client.session, false)
	client.session = true
	check_equal(client.get_session(), true)
	client.set_session(false)
	check_equal(client.session, false)
	client.free()
	check_property("session", false, true)


func test_property_session_buffer_size() -> void:
	var client := WebSocketClient.new()
	check_equal(client.session_buffer_size, 4194304)
	client.session_buffer_size = 4096
	check_equal(client.get_session_buffer_size(), 4096)
	client.set_session_buffer_size(1024)
	check_equal(client.session_buffer_size, 1024)
	client.free()
	check_property("session_buffer_size", 4194304, 65536)
	check_refuses("session_buffer_size", [1023, 1 << 31])


func test_property_reconnect_delay() -> void:
	var client := WebSocketClient.new()
	check_equal(client.reconnect_delay, 1.0)
	client.reconnect_delay = 2.5
	check_equal(client.get_reconnect_delay(), 2.5)
	client.set_reconnect_delay(3)
	check_equal(client.reconnect_delay, 3.0)
	client.free()
	check_property("reconnect_delay", 1.0, 0.0)
	check_refuses("reconnect_delay", [-0.1, 3601.0])


func test_property_reconnect_delay_max() -> void:
	var client := WebSocketClient.new()
	check_equal(client.reconnect_delay_max, 30.0)
	client.reconnect_delay_max = 2.5
	check_equal(client.get_reconnect_delay_max(), 2.5)
	client.set_reconnect_delay_max(3)
	check_equal(client.reconnect_delay_max, 3.0)
	client.free()
	check_property("reconnect_delay_max", 30.0, 60.0)
	check_refuses("reconnect_delay_max", [-0.1])


func test_property_reconnect_max_attempts() -> void:
	var client := WebSocketClient.new()
	check_equal(client.reconnect_max_attempts, 0)
	client.reconnect_max_attempts = 2
	check_equal(client.get_reconnect_max_attempts(), 2)
	client.set_reconnect_max_attempts(3)
	check_equal(client.reconnect_max_attempts, 3)
	client.free()
	check_property("reconnect_max_attempts", 0, 1_000_000)
	check_refuses("reconnect_max_attempts", [-1, 1_000_001])


func test_property_reconnect_max_time() -> void:
	var client := WebSocketClient.new()
	check_equal(client.reconnect_max_time, 0.0)
	client.reconnect_max_time = 2.5
	check_equal(client.get_reconnect_max_time(), 2.5)
	client.set_reconnect_max_time(3)
	check_equal(client.reconnect_max_time, 3.0)
	client.free()
	check_property("reconnect_max_time", 0.0, 604_800.0)
	check_refuses("reconnect_max_time", [-0.1, 604_801.0])


func test_property_reconnect_stable_time() -> void:
	var client := WebSocketClient.new()
	check_equal(client.reconnect_stable_time, 5.0)
	client.reconnect_stable_time = 2.5
	check_equal(client.get_reconnect_stable_time(), 2.5)
	client.set_reconnect_stable_time(3)
	check_equal(client.reconnect_stable_time, 3.0)
	client.free()
	check_property("reconnect_stable_time", 5.0, 0.0)
	check_refuses("reconnect_stable_time", [-0.1, 3601.0])


func test_property_reconnect_retry_after_max() -> void:
	var client := WebSocketClient.new()
	check_equal(client.reconnect_retry_after_max, 300.0)
	client.reconnect_retry_after_max = 2.5
	check_equal(client.get_reconnect_retry_after_max(), 2.5)
	client.set_reconnect_retry_after_max(3)
	check_equal(client.reconnect_retry_after_max, 3.0)
	client.free()
	check_property("reconnect_retry_after_max", 300.0, 0.0)
	check_refuses("reconnect_retry_after_max", [-0.1, 86_401.0])


func test_property_reconnect_stop_codes() -> void:
	var client := WebSocketClient.new()
	check_equal(client.reconnect_stop_codes, PackedInt64Array([1008, 3000, 3003]))
	client.reconnect_stop_codes = [4001]
	check_equal(client.get_reconnect_stop_codes(), PackedInt64Array([4001]))
	client.set_reconnect_stop_codes(PackedInt64Array())
	check_equal(client.reconnect_stop_codes, PackedInt64Array())
	client.free()
	check_property("reconnect_stop_codes", PackedInt64Array([1008, 3000, 3003]), PackedInt64Array([1000, 4999]))
	var untyped: Variant = WebSocketClient.new()
	for code: int in [999, 5000, -1]:
		expect_error("^ERROR: .*set_reconnect_stop_codes: reconnect_stop_codes must hold integers from 1000 to 4999")
		untyped.reconnect_stop_codes = PackedInt64Array([code])
		check_equal(untyped.reconnect_stop_codes, PackedInt64Array([1008, 3000, 3003]))
	untyped.free()


func test_property_connect_timeout() -> void:
	var client := WebSocketClient.new()
	check_equal(client.connect_timeout, 10.0)
	client.connect_timeout = 2.5
	check_equal(client.get_connect_timeout(), 2.5)
	client.set_connect_timeout(3)
	check_equal(client.connect_timeout, 3.0)
	client.free()
	check_property("connect_timeout", 10.0, 0.5)
	check_refuses("connect_timeout", [0.0, 301.0])


func test_property_close_timeout() -> void:
	var client := WebSocketClient.new()
	check_equal(client.close_timeout, 5.0)
	client.close_timeout = 2.5
	check_equal(client.get_close_timeout(), 2.5)
	client.set_close_timeout(3)
	check_equal(client.close_timeout, 3.0)
	client.free()
	check_property("close_timeout", 5.0, 0.5)
	check_refuses("close_timeout", [0.0, 301.0])


func test_property_supported_protocols() -> void:
	var client := WebSocketClient.new()
	check_equal(client.supported_protocols, PackedStringArray())
	client.supported_protocols = ["a", "b"]
	check_equal(client.get_supported_protocols(), PackedStringArray(["a", "b"]))
	client.set_supported_protocols(PackedStringArray(["c"]))
	check_equal(client.supported_protocols, PackedStringArray(["c"]))
	client.free()
	check_property("supported_protocols", PackedStringArray(), PackedStringArray(["x", "y"]))


func test_property_handshake_headers() -> void:
	var client := WebSocketClient.new()
	check_equal(client.handshake_headers, PackedStringArray())
	client.handshake_headers = ["A: b"]
	check_equal(client.get_handshake_headers(), PackedStringArray(["A: b"]))
	client.set_handshake_headers(PackedStringArray())
	check_equal(client.handshake_headers, PackedStringArray())
	client.free()
	check_property("handshake_headers", PackedStringArray(), PackedStringArray(["X: ü"]))


func test_property_tls_certificate() -> void:
	var client := WebSocketClient.new()
	check_equal(client.tls_certificate, "")
	client.tls_certificate = "res://a.pem"
	check_equal(client.get_tls_certificate(), "res://a.pem")
	client.set_tls_certificate("user://b.pem")
	check_equal(client.tls_certificate, "user://b.pem")
	client.free()
	check_property("tls_certificate", "", "/c.pem")


func test_property_tls_private_key() -> void:
	var client := WebSocketClient.new()
	check_equal(client.tls_private_key, "")
	client.tls_private_key = "res://a.pem"
	check_equal(client.get_tls_private_key(), "res://a.pem")
	client.set_tls_private_key("user://b.pem")
	check_equal(client.tls_private_key, "user://b.pem")
	client.free()
	check_property("tls_private_key", "", "/c.pem")


func test_property_tls_trusted_ca() -> void:
	var client := WebSocketClient.new()
	check_equal(client.tls_trusted_ca, "")
	client.tls_trusted_ca = "res://a.pem"
	check_equal(client.get_tls_trusted_ca(), "res://a.pem")
	client.set_tls_trusted_ca("user://b.pem")
	check_equal(client.tls_trusted_ca, "user://b.pem")
	client.free()
	check_property("tls_trusted_ca", "", "/c.pem")


func test_property_tls_options() -> void:
	var client := WebSocketClient.new()
	check(client.tls_options == null, "null at first")
	var options := TLSOptions.client()
	client.tls_options = options
	check_equal(client.get_tls_options(), options)
	client.set_tls_options(null)
	check(client.tls_options == null, "null again")
	var untyped: Variant = client
	untyped.tls_options = options
	check_equal(untyped.get("tls_options"), options)
	untyped.set("tls_options", null)
	check(untyped.get_tls_options() == null, "null again, untyped")
	untyped.set_tls_options(options)
	check_equal(untyped.tls_options, options)
	client.free()


func test_property_simulation() -> void:
	var client := WebSocketClient.new()
	check(client.simulation == null, "null at first")
	var bad := WebSocketSimulation.new()
	client.simulation = bad
	check_equal(client.get_simulation(), bad)
	client.set_simulation(null)
	check(client.simulation == null, "null again")
	var untyped: Variant = client
	untyped.simulation = bad
	check_equal(untyped.get("simulation"), bad)
	untyped.set("simulation", null)
	check(untyped.get_simulation() == null, "null again, untyped")
	untyped.set_simulation(bad)
	check_equal(untyped.simulation, bad)
	client.free()


func test_property_compression() -> void:
	var client := WebSocketClient.new()
	var mode: WebSocketClient.CompressionMode = client.compression
	check_equal(mode, WebSocketClient.COMPRESSION_TEXT as int)
	client.compression = WebSocketClient.COMPRESSION_OFF
	check_equal(client.get_compression(), WebSocketClient.COMPRESSION_OFF as int)
	client.set_compression(WebSocketClient.COMPRESSION_ALL)
	check_equal(client.compression, WebSocketClient.COMPRESSION_ALL as int)
	client.free()
	check_property("compression", 1, 2)


func test_property_compression_min_size() -> void:
	var client := WebSocketClient.new()
	check_equal(client.compression_min_size, 1024)
	client.compression_min_size = 1
	check_equal(client.get_compression_min_size(), 1)
	client.set_compression_min_size(2048)
	check_equal(client.compression_min_size, 2048)
	client.free()
	check_property("compression_min_size", 1024, 0)
	check_refuses("compression_min_size", [-1])


func test_property_compression_context_takeover() -> void:
	var client := WebSocketClient.new()
	check_equal(client.compression_context_takeover, false)
	client.compression_context_takeover = true
	check_equal(client.get_compression_context_takeover(), true)
	client.set_compression_context_takeover(false)
	check_equal(client.compression_context_takeover, false)
	client.free()
	check_property("compression_context_takeover", false, true)


func test_property_compression_window_bits() -> void:
	var client := WebSocketClient.new()
	check_equal(client.compression_window_bits, 12)
	client.compression_window_bits = 9
	check_equal(client.get_compression_window_bits(), 9)
	client.set_compression_window_bits(15)
	check_equal(client.compression_window_bits, 15)
	client.free()
	check_property("compression_window_bits", 12, 10)
	check_refuses("compression_window_bits", [8, 16])


func test_property_max_message_size() -> void:
	var client := WebSocketClient.new()
	check_equal(client.max_message_size, 1 << 24)
	client.max_message_size = 1
	check_equal(client.get_max_message_size(), 1)
	client.set_max_message_size(1000)
	check_equal(client.max_message_size, 1000)
	client.free()
	check_property("max_message_size", 1 << 24, 1000)
	check_refuses("max_message_size", [0, -1, 1 << 31])


func test_property_outbound_buffer_size() -> void:
	var client := WebSocketClient.new()
	check_equal(client.outbound_buffer_size, 1 << 26)
	client.outbound_buffer_size = 1024
	check_equal(client.get_outbound_buffer_size(), 1024)
	client.set_outbound_buffer_size(2048)
	check_equal(client.outbound_buffer_size, 2048)
	client.free()
	check_property("outbound_buffer_size", 1 << 26, 4096)
	check_refuses("outbound_buffer_size", [0])


func test_property_max_queued_bytes() -> void:
	var client := WebSocketClient.new()
	check_equal(client.max_queued_bytes, 1 << 26)
	client.max_queued_bytes = 1024
	check_equal(client.get_max_queued_bytes(), 1024)
	client.set_max_queued_bytes(2048)
	check_equal(client.max_queued_bytes, 2048)
	client.free()
	check_property("max_queued_bytes", 1 << 26, 4096)
	check_refuses("max_queued_bytes", [0])


func test_property_max_poll_time() -> void:
	var client := WebSocketClient.new()
	check_equal(client.max_poll_time, 0.005)
	client.max_poll_time = 0.0001
	check_equal(client.get_max_poll_time(), 0.0001)
	client.set_max_poll_time(1)
	check_equal(client.max_poll_time, 1.0)
	client.free()
	check_property("max_poll_time", 0.005, 0.25)
	check_refuses("max_poll_time", [0.0, 1.1])


func test_property_heartbeat_interval() -> void:
	var client := WebSocketClient.new()
	check_equal(client.heartbeat_interval, 20.0)
	client.heartbeat_interval = 2.5
	check_equal(client.get_heartbeat_interval(), 2.5)
	client.set_heartbeat_interval(0)
	check_equal(client.heartbeat_interval, 0.0)
	client.free()
	check_property("heartbeat_interval", 20.0, 3600.0)
	check_refuses("heartbeat_interval", [-0.1, 3601.0])


func test_property_heartbeat_timeout() -> void:
	var client := WebSocketClient.new()
	check_equal(client.heartbeat_timeout, 20.0)
	client.heartbeat_timeout = 2.5
	check_equal(client.get_heartbeat_timeout(), 2.5)
	client.set_heartbeat_timeout(3)
	check_equal(client.heartbeat_timeout, 3.0)
	client.free()
	check_property("heartbeat_timeout", 20.0, 0.1)
	check_refuses("heartbeat_timeout", [0.0, 3601.0])


func test_property_slow_peer_timeout() -> void:
	var client := WebSocketClient.new()
	check_equal(client.slow_peer_timeout, 30.0)
	client.slow_peer_timeout = 2.5
	check_equal(client.get_slow_peer_timeout(), 2.5)
	client.set_slow_peer_timeout(3)
	check_equal(client.slow_peer_timeout, 3.0)
	client.free()
	check_property("slow_peer_timeout", 30.0, 0.0)
	check_refuses("slow_peer_timeout", [-0.1, 3601.0])


func test_property_max_fragments() -> void:
	var client := WebSocketClient.new()
	check_equal(client.max_fragments, 131072)
	client.max_fragments = 9
	check_equal(client.get_max_fragments(), 9)
	client.set_max_fragments(1024)
	check_equal(client.max_fragments, 1024)
	client.free()
	check_property("max_fragments", 131072, 7)
	check_refuses("max_fragments", [-1, 1 << 31])


func test_property_max_compression_ratio() -> void:
	var client := WebSocketClient.new()
	check_equal(client.max_compression_ratio, 256)
	client.max_compression_ratio = 100
	check_equal(client.get_max_compression_ratio(), 100)
	client.set_max_compression_ratio(0)
	check_equal(client.max_compression_ratio, 0)
	client.free()
	check_property("max_compression_ratio", 256, 50)
	check_refuses("max_compression_ratio", [-1, 1 << 31])


func test_property_max_messages_per_second() -> void:
	var client := WebSocketClient.new()
	check_equal(client.max_messages_per_second, 0)
	client.max_messages_per_second = 100
	check_equal(client.get_max_messages_per_second(), 100)
	client.set_max_messages_per_second(30)
	check_equal(client.max_messages_per_second, 30)
	client.free()
	check_property("max_messages_per_second", 0, 5)
	check_refuses("max_messages_per_second", [-1, 1 << 31])


func test_property_max_bytes_per_second() -> void:
	var client := WebSocketClient.new()
	check_equal(client.max_bytes_per_second, 0)
	client.max_bytes_per_second = 100_000
	check_equal(client.get_max_bytes_per_second(), 100_000)
	client.set_max_bytes_per_second(1000)
	check_equal(client.max_bytes_per_second, 1000)
	client.free()
	check_property("max_bytes_per_second", 0, 5)
	check_refuses("max_bytes_per_second", [-1, 1 << 31])


func test_property_max_control_frames_per_second() -> void:
	var client := WebSocketClient.new()
	check_equal(client.max_control_frames_per_second, 500)
	client.max_control_frames_per_second = 100
	check_equal(client.get_max_control_frames_per_second(), 100)
	client.set_max_control_frames_per_second(0)
	check_equal(client.max_control_frames_per_second, 0)
	client.free()
	check_property("max_control_frames_per_second", 500, 5)
	check_refuses("max_control_frames_per_second", [-1, 1 << 31])


func test_property_rate_burst() -> void:
	var client := WebSocketClient.new()
	check_equal(client.rate_burst, 2.0)
	client.rate_burst = 2.5
	check_equal(client.get_rate_burst(), 2.5)
	client.set_rate_burst(3)
	check_equal(client.rate_burst, 3.0)
	client.free()
	check_property("rate_burst", 2.0, 0.5)
	check_refuses("rate_burst", [0.0, 3601.0])


func test_property_rate_timeout() -> void:
	var client := WebSocketClient.new()
	check_equal(client.rate_timeout, 10.0)
	client.rate_timeout = 2.5
	check_equal(client.get_rate_timeout(), 2.5)
	client.set_rate_timeout(3)
	check_equal(client.rate_timeout, 3.0)
	client.free()
	check_property("rate_timeout", 10.0, 0.5)
	check_refuses("rate_timeout", [-1.0, 3601.0])


func test_property_supervisor() -> void:
	var client := WebSocketClient.new()
	check_equal(client.supervisor, Callable())
	client.supervisor = _supervise
	check_equal(client.get_supervisor(), _supervise)
	client.set_supervisor(Callable())
	check_equal(client.supervisor, Callable())
	client.free()
	var untyped: Variant = WebSocketClient.new()
	untyped.supervisor = _supervise
	check_equal(untyped.supervisor, _supervise)
	untyped.set("supervisor", Callable())
	check_equal(untyped.call("get_supervisor"), Callable())
	untyped.free()


func test_property_outgoing_supervisor() -> void:
	var client := WebSocketClient.new()
	check_equal(client.outgoing_supervisor, Callable())
	client.outgoing_supervisor = _supervise
	check_equal(client.get_outgoing_supervisor(), _supervise)
	client.set_outgoing_supervisor(Callable())
	check_equal(client.outgoing_supervisor, Callable())
	client.free()
	var untyped: Variant = WebSocketClient.new()
	untyped.outgoing_supervisor = _supervise
	check_equal(untyped.outgoing_supervisor, _supervise)
	untyped.set("outgoing_supervisor", Callable())
	check_equal(untyped.call("get_outgoing_supervisor"), Callable())
	untyped.free()


func _supervise(_a: Variant, _b: Variant = null) -> bool:
	return true


func test_property_max_unfinished_size() -> void:
	var client := WebSocketClient.new()
	check_equal(client.max_unfinished_size, 1 << 28)
	client.max_unfinished_size = 1024
	check_equal(client.get_max_unfinished_size(), 1024)
	client.set_max_unfinished_size((1 << 31) - 1)
	check_equal(client.max_unfinished_size, (1 << 31) - 1)
	client.free()
	check_property("max_unfinished_size", 1 << 28, 4096)
	check_refuses("max_unfinished_size", [0, 1023, 1 << 31])


func test_property_unfinished_timeout() -> void:
	var client := WebSocketClient.new()
	check_equal(client.unfinished_timeout, 60.0)
	client.unfinished_timeout = 2.5
	check_equal(client.get_unfinished_timeout(), 2.5)
	client.set_unfinished_timeout(3)
	check_equal(client.unfinished_timeout, 3.0)
	client.free()
	check_property("unfinished_timeout", 60.0, 0.1)
	check_refuses("unfinished_timeout", [0.0, 3601.0])


func test_property_low_latency() -> void:
	var client := WebSocketClient.new()
	check_equal(client.low_latency, false)
	client.low_latency = true
	check_equal(client.get_low_latency(), true)
	client.set_low_latency(false)
	check_equal(client.low_latency, false)
	client.free()
	check_property("low_latency", false, true)


func test_property_process_callback() -> void:
	var client := WebSocketClient.new()
	var callback: WebSocketClient.ProcessCallback = client.process_callback
	check_equal(callback, WebSocketClient.PROCESS_IDLE as int)
	client.process_callback = WebSocketClient.PROCESS_PHYSICS
	check_equal(client.get_process_callback(), WebSocketClient.PROCESS_PHYSICS as int)
	client.set_process_callback(WebSocketClient.PROCESS_MANUAL)
	check_equal(client.process_callback, WebSocketClient.PROCESS_MANUAL as int)
	client.free()
	check_property("process_callback", 0, 2)


func test_property_status() -> void:
	var server := start_server()
	var client := WebSocketClient.new()
	var untyped: Variant = client
	var status: WebSocketClient.Status = client.status
	check_equal(status, WebSocketClient.STATUS_IDLE as int)
	add_child(client)
	client.connect_to_url(url_of(server))
	check_equal(client.get_status(), WebSocketClient.STATUS_CONNECTING as int)
	check_equal(untyped["status"], 1)
	check_equal(untyped.call("get_status"), 1)


func test_property_latency() -> void:
	var server := start_server()
	var client := WebSocketClient.new()
	var untyped: Variant = client
	client.heartbeat_interval = 0.1
	add_child(client)
	check_equal(client.latency, 0.0)
	check_equal(untyped["latency"], 0.0)
	client.connect_to_url(url_of(server))
	await until(func() -> bool: return client.latency > 0.0)
	check(client.latency < DEADLINE_MSEC / 1000.0, "seconds: %f" % client.latency)
	var latency := client.get_latency()
	check_equal(untyped["latency"], latency)
	check_equal(untyped.call("get_latency"), latency)
	client.close()


# --- opening and closing


func test_method_connect_to_url() -> void:
	var server := start_server()
	var client := WebSocketClient.new()
	var untyped: Variant = client
	add_child(client)
	client.url = url_of(server)
	for call_it: Callable in [
		func() -> Error: return client.connect_to_url(url_of(server)),
		func() -> Error: return untyped.call("connect_to_url", url_of(server)),
		func() -> Error: return client.connect_to_url(),
		func() -> Error: return untyped.connect_to_url(),
	]:
		check_equal(call_it.call(), OK)
		await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)
		client.close()
		await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)


func test_method_close() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var untyped: Variant = client
	for call_it: Callable in [
		func() -> Error: return client.close(4000, "why"),
		func() -> Error: return untyped.call("close", 4000, "why"),
		func() -> Error: return client.close(4000),
		func() -> Error: return untyped.close(4000),
	]:
		check_equal(call_it.call(), OK)
		await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
		check_equal(client.get_close_code(), 4000)
		client.connect_to_url(url_of(server))
		await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)
	check_equal(client.close(), OK)
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
	check_equal(client.get_close_code(), 1000)


func test_method_poll() -> void:
	var server := start_server()
	var client := WebSocketClient.new()
	var untyped: Variant = client
	client.poll()
	client.connect_to_url(url_of(server))
	var connected := func() -> bool:
		client.poll()
		untyped.call("poll")
		return client.status == WebSocketClient.STATUS_ACTIVE
	await until(connected)
	client.free()


# --- sending


## Both ends of a connection, and what the server received.
func _sending(call_both: Callable, expected: Array) -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var received: Array = []
	server.message_received.connect(func(_id: int, message: Variant) -> void: received.append(message))
	call_both.call(client, client as Variant)
	await until(func() -> bool: return received.size() == expected.size())
	check_equal(received, expected)


func test_method_send() -> void:
	var call_both := func(client: WebSocketClient, untyped: Variant) -> void:
		check_equal(client.send("typed"), OK)
		check_equal(client.send(PackedByteArray([1])), OK)
		check_equal(untyped.send("untyped"), OK)
		check_equal(untyped.call("send", PackedByteArray([2])), OK)
	await _sending(call_both, ["typed", PackedByteArray([1]), "untyped", PackedByteArray([2])])


func test_method_send_text() -> void:
	var call_both := func(client: WebSocketClient, untyped: Variant) -> void:
		check_equal(client.send_text("typed"), OK)
		check_equal(untyped.send_text("untyped"), OK)
		check_equal(untyped.call("send_text", &"by name"), OK)
	await _sending(call_both, ["typed", "untyped", "by name"])


func test_method_send_json() -> void:
	var call_both := func(client: WebSocketClient, untyped: Variant) -> void:
		check_equal(client.send_json({"a": [1, 2]}), OK)
		check_equal(untyped.send_json("text"), OK)
		check_equal(untyped.call("send_json", true), OK)
	await _sending(call_both, ['{"a":[1,2]}', '"text"', "true"])


func test_method_send_latest() -> void:
	var call_both := func(client: WebSocketClient, untyped: Variant) -> void:
		check_equal(client.send_latest("a", "replaced"), OK)
		check_equal(client.send_latest("a", "typed"), OK)
		check_equal(untyped.send_latest(1, "untyped"), OK)
		check_equal(untyped.call("send_latest", &"b", PackedByteArray([1])), OK)
	await _sending(call_both, ["typed", "untyped", PackedByteArray([1])])


func test_method_send_fragment() -> void:
	var call_both := func(client: WebSocketClient, untyped: Variant) -> void:
		check_equal(client.send_fragment("a", false), OK)
		check_equal(untyped.send_fragment("b", false), OK)
		check_equal(untyped.call("send_fragment", "c", true), OK)
	await _sending(call_both, ["abc"])


func test_method_ping() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	var untyped: Variant = client
	var log := record(client)
	check_equal(client.ping("one".to_utf8_buffer()), OK)
	check_equal(client.ping(), OK)
	check_equal(untyped.ping("two".to_utf8_buffer()), OK)
	check_equal(untyped.call("ping"), OK)
	await until(func() -> bool: return named(log, "pong_received").size() == 4)
	var empty := PackedByteArray()
	var expected: Array[Array] = [["one".to_utf8_buffer()], [empty], ["two".to_utf8_buffer()], [empty]]
	check_equal(named(log, "pong_received"), expected)


# --- asking


## Compares what a method gives on a typed variable, what it gives by name, and what is expected.
func _check_both(typed: Variant, client: WebSocketClient, method: String, expected: Variant) -> void:
	check_equal(typed, expected, method)
	check_equal(client.call(method), expected, method + " by name")


func test_method_get_ready_state() -> void:
	var server := start_server()
	var client := WebSocketClient.new()
	add_child(client)
	var state: WebSocketClient.State = client.get_ready_state()
	_check_both(state, client, "get_ready_state", WebSocketClient.STATE_CLOSED as int)
	client.connect_to_url(url_of(server))
	_check_both(client.get_ready_state(), client, "get_ready_state", WebSocketClient.STATE_CONNECTING as int)
	await until(func() -> bool: return client.get_ready_state() == WebSocketClient.STATE_OPEN)
	client.close()
	_check_both(client.get_ready_state(), client, "get_ready_state", WebSocketClient.STATE_CLOSING as int)


func test_method_get_close_code() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	_check_both(client.get_close_code(), client, "get_close_code", -1)
	last_peer(server).close(4000, "why")
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
	_check_both(client.get_close_code(), client, "get_close_code", 4000)


func test_method_get_close_reason() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	_check_both(client.get_close_reason(), client, "get_close_reason", "")
	last_peer(server).close(4000, "warum, ö")
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
	_check_both(client.get_close_reason(), client, "get_close_reason", "warum, ö")


func test_method_get_connected_host() -> void:
	var client := WebSocketClient.new()
	_check_both(client.get_connected_host(), client, "get_connected_host", "")
	client.free()
	client = await open_client(start_server())
	_check_both(client.get_connected_host(), client, "get_connected_host", "127.0.0.1")


func test_method_get_connected_port() -> void:
	var client := WebSocketClient.new()
	_check_both(client.get_connected_port(), client, "get_connected_port", 0)
	client.free()
	var server := start_server()
	client = await open_client(server)
	_check_both(client.get_connected_port(), client, "get_connected_port", server.get_local_port())


func test_method_get_selected_protocol() -> void:
	var server := start_server()
	server.stop()
	server.supported_protocols = ["chat"]
	server.listen(0)
	var client := WebSocketClient.new()
	client.supported_protocols = ["chat"]
	add_child(client)
	_check_both(client.get_selected_protocol(), client, "get_selected_protocol", "")
	client.connect_to_url(url_of(server))
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)
	_check_both(client.get_selected_protocol(), client, "get_selected_protocol", "chat")


func test_method_get_handshake_header() -> void:
	var client: WebSocketClient = await open_client(start_server())
	var untyped: Variant = client
	check_equal(client.get_handshake_header("Upgrade"), "websocket")
	check_equal(untyped.call("get_handshake_header", "upgrade"), "websocket")
	check_equal(untyped.get_handshake_header("X-None"), "")


func test_method_get_multiplayer_peer() -> void:
	var client := WebSocketClient.new()
	var untyped: Variant = client
	var peer: MultiplayerPeer = client.get_multiplayer_peer()
	check_equal(peer.get_connection_status(), MultiplayerPeer.CONNECTION_DISCONNECTED)
	check_equal(untyped.call("get_multiplayer_peer") == peer, true)
	check_equal(untyped.get_multiplayer_peer() == peer, true)
	client.free()


func test_method_get_statistics() -> void:
	var client: WebSocketClient = await open_client(start_server())
	check_equal(client.get_statistics()["connections_tried"], 1)
	_check_both(client.get_statistics(), client, "get_statistics", client.get_statistics())


func test_method_get_request_path() -> void:
	var client: WebSocketClient = await open_client(start_server(), "/a?b")
	_check_both(client.get_request_path(), client, "get_request_path", "/a?b")


func test_method_get_requested_url() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server, "/a?b")
	_check_both(client.get_requested_url(), client, "get_requested_url", url_of(server, "/a?b"))


func test_method_get_current_outbound_buffered_amount() -> void:
	var client: WebSocketClient = await open_client(start_server())
	client.process_callback = WebSocketClient.PROCESS_MANUAL
	var method := "get_current_outbound_buffered_amount"
	_check_both(client.get_current_outbound_buffered_amount(), client, method, 0)
	client.send("x".repeat(1000))
	# RFC 6455 section 5.2: a header of 4 bytes and a mask of 4.
	_check_both(client.get_current_outbound_buffered_amount(), client, method, 1008)
	await until(func() -> bool: return client.get_current_outbound_buffered_amount() == 0)


# --- signals


func test_signal_connected_to_server() -> void:
	await _check_signals()


func test_signal_message_received() -> void:
	await _check_signals()


func test_signal_pong_received() -> void:
	await _check_signals(true)


func test_signal_drained() -> void:
	var server := start_server()
	var client := WebSocketClient.new()
	client.outbound_buffer_size = 1024
	add_child(client)
	client.connect_to_url(url_of(server))
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_ACTIVE)
	var seen: Array = []
	client.drained.connect(func() -> void: seen.append("typed"))
	var by_name := record(client)
	check_equal(client.send("x".repeat(900)), OK)
	expect_error("^ERROR: send: outbound_buffer_size is reached")
	check_equal(client.send("x".repeat(900)), ERR_BUSY)
	await until(func() -> bool: return seen.size() == 1)
	check_equal(by_name, [["drained"]] as Array[Array])


func test_signal_connection_closed() -> void:
	await _check_signals()


func test_signal_status_changed() -> void:
	await _check_signals()


## One connection from its beginning to its end, seen by handlers connected typed and by name.
func _check_signals(with_ping: bool = false) -> void:
	var server := start_server()
	var client := WebSocketClient.new()
	add_child(client)
	var seen: Array[Array] = []
	client.connected_to_server.connect(func() -> void: seen.append(["connected_to_server"]))
	client.connection_closed.connect(func() -> void: seen.append(["connection_closed"]))
	client.message_received.connect(func(message: Variant) -> void: seen.append(["message_received", message]))
	client.pong_received.connect(func(payload: PackedByteArray) -> void: seen.append(["pong_received", payload]))
	client.status_changed.connect(
		func(status: WebSocketClient.Status) -> void: seen.append(["status_changed", status as int])
	)
	var by_name := record(client)
	server.client_connected.connect(func(id: int) -> void: server.send(id, "hello"))
	client.connect_to_url(url_of(server))
	await until(func() -> bool: return seen.has(["message_received", "hello"]))
	if with_ping:
		client.ping("x".to_utf8_buffer())
		await until(func() -> bool: return seen.has(["pong_received", "x".to_utf8_buffer()]))
	client.close()
	await until(func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
	var expected: Array[Array] = [
		["status_changed", WebSocketClient.STATUS_CONNECTING as int],
		["status_changed", WebSocketClient.STATUS_ACTIVE as int],
		["connected_to_server"],
		["message_received", "hello"],
		["status_changed", WebSocketClient.STATUS_CLOSING as int],
		["status_changed", WebSocketClient.STATUS_IDLE as int],
		["connection_closed"],
	]
	if with_ping:
		expected.insert(4, ["pong_received", "x".to_utf8_buffer()])
	check_equal(seen, expected)
	check_equal(by_name, expected)


func test_signal_connection_failed() -> void:
	var client := WebSocketClient.new()
	add_child(client)
	var seen: Array[String] = []
	client.connection_failed.connect(func(reason: String) -> void: seen.append(reason))
	var by_name := record(client)
	client.connect_to_url("ws://127.0.0.1:1/")
	await until(func() -> bool: return seen.size() == 1)
	check_equal(named(by_name, "connection_failed"), [[seen[0]]] as Array[Array])


func test_signal_reconnecting() -> void:
	var client := WebSocketClient.new()
	client.auto_reconnect = true
	add_child(client)
	var seen: Array[Array] = []
	client.reconnecting.connect(func(attempt: int, delay: float) -> void: seen.append([attempt, delay]))
	var by_name := record(client)
	client.connect_to_url("ws://127.0.0.1:1/")
	await until(func() -> bool: return seen.size() == 1)
	check_equal(seen[0][0], 1)
	var delay: float = seen[0][1]
	check(delay > 0.4 and delay <= 1.0, "from half of reconnect_delay to all of it, not %f" % delay)
	check_equal(named(by_name, "reconnecting"), seen)


## What a game sees of it: test_sessions.gd.
func test_signal_connection_interrupted() -> void:
	var client := WebSocketClient.new()
	check_equal(client.connection_interrupted.get_name(), &"connection_interrupted")
	check(client.has_signal("connection_interrupted"), "by name")
	client.free()


## What a game sees of it: test_sessions.gd.
func test_signal_connection_resumed() -> void:
	var client := WebSocketClient.new()
	check_equal(client.connection_resumed.get_name(), &"connection_resumed")
	check(client.has_signal("connection_resumed"), "by name")
	client.free()


func test_signal_reconnected() -> void:
	var server := start_server()
	var client: WebSocketClient = await open_client(server)
	client.auto_reconnect = true
	client.reconnect_delay = 0.01
	var seen: Array[int] = []
	client.reconnected.connect(func() -> void: seen.append(client.status as int))
	var by_name := record(client)
	last_peer(server).close(1001)
	await until(func() -> bool: return seen.size() == 1)
	check_equal(seen, [WebSocketClient.STATUS_ACTIVE as int] as Array[int])
	check_equal(named(by_name, "reconnected"), [[]] as Array[Array])


# --- enums


func test_enum_status() -> void:
	var typed := {
		"STATUS_IDLE": WebSocketClient.STATUS_IDLE,
		"STATUS_CONNECTING": WebSocketClient.STATUS_CONNECTING,
		"STATUS_ACTIVE": WebSocketClient.STATUS_ACTIVE,
		"STATUS_CLOSING": WebSocketClient.STATUS_CLOSING,
		"STATUS_RECONNECTING": WebSocketClient.STATUS_RECONNECTING,
	}
	check_enum("Status", typed)


func test_enum_state() -> void:
	var typed := {
		"STATE_CONNECTING": WebSocketClient.STATE_CONNECTING,
		"STATE_OPEN": WebSocketClient.STATE_OPEN,
		"STATE_CLOSING": WebSocketClient.STATE_CLOSING,
		"STATE_CLOSED": WebSocketClient.STATE_CLOSED,
	}
	check_enum("State", typed)
	check_equal(WebSocketClient.STATE_CLOSED as int, WebSocketPeer.STATE_CLOSED as int, "as in the engine's own")


func test_enum_compression_mode() -> void:
	var typed := {
		"COMPRESSION_OFF": WebSocketClient.COMPRESSION_OFF,
		"COMPRESSION_TEXT": WebSocketClient.COMPRESSION_TEXT,
		"COMPRESSION_ALL": WebSocketClient.COMPRESSION_ALL,
	}
	check_enum("CompressionMode", typed)


func test_enum_process_callback() -> void:
	var typed := {
		"PROCESS_IDLE": WebSocketClient.PROCESS_IDLE,
		"PROCESS_PHYSICS": WebSocketClient.PROCESS_PHYSICS,
		"PROCESS_MANUAL": WebSocketClient.PROCESS_MANUAL,
	}
	check_enum("ProcessCallback", typed)
