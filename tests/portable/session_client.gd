## A portable client in a session that sends back what it gets, and says what happens to it. Argument: a URL.
extends SceneTree

var _client := WebSocketClient.new()


func _initialize() -> void:
	OS.low_processor_usage_mode_sleep_usec = 1000
	var client := _client
	root.add_child(client)
	client.session = true
	client.reconnect_delay = 0.05
	client.reconnect_delay_max = 0.2
	client.clock_interval = 0.0
	client.connected_to_server.connect(func() -> void: print("connected"))
	client.connection_interrupted.connect(func() -> void: print("interrupted: ", client.get_close_code()))
	client.connection_resumed.connect(func() -> void: print("resumed"))
	client.connection_closed.connect(
		func() -> void: print("closed: %d %s" % [client.get_close_code(), client.get_close_reason()])
	)
	client.message_received.connect(
		func(message: Variant) -> void: print("sent: %s %s" % [message, error_string(client.send(message))])
	)
	client.var_received.connect(func(value: Variant) -> void: print("value: ", value))
	client.handle("double", func(data: Variant) -> Variant: return [data, data])
	client.connect_to_url(OS.get_cmdline_user_args()[0])
