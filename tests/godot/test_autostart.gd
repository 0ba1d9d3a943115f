## `autostart` and `autoconnect`: they begin when the whole scene is ready, once, and not where they are not wanted.
extends "res://tests/godot/suite.gd"

const PARENT := """
extends Node
var log := PackedStringArray()
@onready var label: Node = $Label
func _enter_tree() -> void:
	log.append("enter")
func _ready() -> void:
	log.append("ready, status %d" % $Socket.status)
func on_status_changed(status: int) -> void:
	log.append("status %d, label %s, ready %s" % [status, label != null, is_node_ready()])
"""


## A scene as the editor saves it: a node whose signal is connected to its parent, which has an @onready variable.
func _scene(type: String, properties: String) -> PackedScene:
	var path := "user://autostart_%s.tscn" % type
	var script := "user://autostart_parent.gd"
	FileAccess.open(script, FileAccess.WRITE).store_string(PARENT)
	var text := (
		'[gd_scene load_steps=2 format=3]\n[ext_resource type="Script" path="%s" id="1"]\n' % script
		+ '[node name="Main" type="Node"]\nscript = ExtResource("1")\n'
		+ '[node name="Socket" type="%s" parent="."]\n%s\n' % [type, properties]
		+ '[node name="Label" type="Node" parent="."]\n'
		+ '[connection signal="status_changed" from="Socket" to="." method="on_status_changed"]\n'
	)
	FileAccess.open(path, FileAccess.WRITE).store_string(text)
	return ResourceLoader.load(path, "", ResourceLoader.CACHE_MODE_IGNORE) as PackedScene


func _log_of(main: Node) -> PackedStringArray:
	return main.get("log")


func _new_server() -> WebSocketServer:
	var server := WebSocketServer.new()
	server.port = 0
	server.bind_address = "localhost"
	server.autostart = true
	return server


func test_a_server_starts_when_its_scene_is_ready() -> void:
	var main := _scene("WebSocketServer", 'port = 0\nbind_address = "localhost"\nautostart = true').instantiate()
	add_child(main)
	check_equal(_log_of(main), PackedStringArray(["enter", "ready, status 0"]))
	await frames(1)
	check_equal(_log_of(main), PackedStringArray(["enter", "ready, status 0", "status 1, label true, ready true"]))


func test_a_client_connects_when_its_scene_is_ready() -> void:
	var server := start_server()
	var main := _scene("WebSocketClient", 'url = "%s"\nautoconnect = true' % url_of(server)).instantiate()
	add_child(main)
	await until(func() -> bool: return server.get_peer_count() == 1)
	check_equal(
		_log_of(main).slice(0, 3), PackedStringArray(["enter", "ready, status 0", "status 1, label true, ready true"])
	)


func test_it_begins_in_the_frame_of_its_ready() -> void:
	var server := _new_server()
	var frame: Array[int] = []
	server.status_changed.connect(func(_status: int) -> void: frame.append(Engine.get_process_frames()))
	await frames(1)
	add_child(server)
	var added := Engine.get_process_frames()
	await frames(3)
	check_equal(frame, [added] as Array[int])


func test_a_call_in_ready_comes_first() -> void:
	var server := _new_server()
	server.ready.connect(func() -> void: check_equal(server.listen(), OK))
	var log := record(server)
	add_child(server)
	await frames(3)
	check_equal(log, [["status_changed", 1]] as Array[Array])
	var client := WebSocketClient.new()
	client.url = "ws://localhost:1"
	client.autoconnect = true
	client.ready.connect(func() -> void: check_equal(client.connect_to_url(url_of(server)), OK))
	add_child(client)
	await until(func() -> bool: return server.get_peer_count() == 1)


func test_switched_off_in_ready_it_does_not_begin() -> void:
	var server := _new_server()
	server.ready.connect(func() -> void: server.autostart = false)
	add_child(server)
	await frames(3)
	check_equal(server.is_listening(), false)


func test_removed_before_it_begins() -> void:
	var server := _new_server()
	add_child(server)
	remove_child(server)
	await frames(3)
	check_equal(server.is_listening(), false, "outside of the tree")
	add_child(server)
	await frames(1)
	check_equal(server.is_listening(), true, "in the tree again")


func test_freed_before_it_begins() -> void:
	var server := _new_server()
	add_child(server)
	server.free()
	var other := _new_server()
	var log := record(other)
	add_child(other)
	other.queue_free()
	await frames(3)
	check_equal(log, [] as Array[Array])


func test_it_begins_once() -> void:
	var server := _new_server()
	add_child(server)
	await frames(1)
	server.stop()
	remove_child(server)
	add_child(server)
	await frames(3)
	check_equal(server.is_listening(), false, "entered again")
	server.request_ready()
	remove_child(server)
	add_child(server)
	await frames(1)
	check_equal(server.is_listening(), true, "ready again, because it was asked for")


func test_moved_to_another_parent_it_goes_on() -> void:
	var server := _new_server()
	var log := record(server)
	var other := Node.new()
	add_child(other)
	add_child(server)
	server.reparent(other)
	await frames(1)
	server.reparent(self)
	await frames(3)
	check_equal(log, [["status_changed", 1]] as Array[Array])


func test_it_begins_however_it_is_polled() -> void:
	for callback: WebSocketServer.ProcessCallback in [
		WebSocketServer.PROCESS_IDLE, WebSocketServer.PROCESS_PHYSICS, WebSocketServer.PROCESS_MANUAL
	]:
		var server := _new_server()
		server.process_callback = callback
		add_child(server)
		await frames(1)
		check_equal(server.is_listening(), true, str(callback))


func test_it_begins_in_a_paused_game() -> void:
	get_tree().paused = true
	for mode: ProcessMode in [PROCESS_MODE_ALWAYS, PROCESS_MODE_PAUSABLE, PROCESS_MODE_DISABLED]:
		var server := _new_server()
		server.process_mode = mode
		add_child(server)
		await frames(1)
		check_equal(server.is_listening(), true, str(mode))
	get_tree().paused = false


func test_it_begins_below_a_thread_group() -> void:
	var group := Node.new()
	group.process_thread_group = Node.PROCESS_THREAD_GROUP_SUB_THREAD
	var server := _new_server()
	# Whether it can be polled there is another matter.
	server.process_callback = WebSocketServer.PROCESS_MANUAL
	group.add_child(server)
	add_child(group)
	await frames(2)
	check_equal(server.is_listening(), true)


func test_a_duplicate_begins_by_itself() -> void:
	var server := _new_server()
	add_child(server)
	var copy := server.duplicate() as WebSocketServer
	add_child(copy)
	await frames(1)
	check_equal([server.is_listening(), copy.is_listening()], [true, true])
	check(server.get_local_port() != copy.get_local_port(), "each its own port")


func test_a_changed_scene_does_not_begin() -> void:
	var tree := get_tree()
	var scene := PackedScene.new()
	var template := _new_server()
	check_equal(scene.pack(template), OK)
	template.free()
	var started: Array[int] = []
	var first := scene.instantiate() as WebSocketServer
	first.status_changed.connect(func(status: int) -> void: started.append(status))
	first.ready.connect(
		func() -> void:
			tree.current_scene = first
			check_equal(tree.change_scene_to_packed(scene), OK)
	)
	tree.root.add_child(first)
	var id := first.get_instance_id()
	first = null
	await until(func() -> bool: return not is_instance_id_valid(id) and tree.current_scene is WebSocketServer)
	await frames(1)
	check_equal(started, [] as Array[int])
	check_equal((tree.current_scene as WebSocketServer).is_listening(), true)
	tree.unload_current_scene()
	await frames(2)


func test_a_script_with_a_ready_of_its_own() -> void:
	var script := GDScript.new()
	script.source_code = (
		"extends WebSocketServer\nvar seen: Array = []\nfunc _ready() -> void:\n\tseen.append(is_listening())\n"
		+ "func _notification(what: int) -> void:\n\tif what == NOTIFICATION_READY:\n\t\tseen.append(status)\n"
	)
	check_equal(script.reload(), OK)
	var server: WebSocketServer = script.new()
	server.port = 0
	server.bind_address = "localhost"
	server.autostart = true
	add_child(server)
	await frames(1)
	check_equal(server.get("seen"), [false, 0])
	check_equal(server.is_listening(), true)
