## A game server that drains when it is asked to end: for test_termination.py.
extends SceneTree

var _saves := OS.get_cmdline_user_args().has("saves")


class Saver:
	extends Node

	func _notification(what: int) -> void:
		if what == NOTIFICATION_WM_CLOSE_REQUEST:
			print("saved")
			if not get_tree().auto_accept_quit:
				get_tree().quit(3)


func _initialize() -> void:
	await process_frame
	root.add_child(Saver.new())
	auto_accept_quit = not _saves
	var ports := PackedStringArray()
	for time: String in OS.get_cmdline_user_args():
		if not time.is_valid_float():
			continue
		var server := WebSocketServer.new()
		server.bind_address = "localhost"
		server.drain_on_terminate = true
		server.drain_time = time.to_float()
		server.client_disconnected.connect(func(_id: int) -> void: print("left"))
		server.drain_finished.connect(func() -> void: print("finished"))
		server.message_received.connect(func(_id: int, message: Variant) -> void: _obey(server, message))
		root.add_child(server)
		server.listen(0)
		ports.append(str(server.get_local_port()))
	print("ports ", " ".join(ports))


func _obey(server: WebSocketServer, order: String) -> void:
	match order:
		"stop":
			server.stop()
		"free":
			server.queue_free()
		"again":
			var port := server.get_local_port()
			server.stop()
			server.drain_on_terminate = false
			server.listen(port)
	print("done ", order)
