## Engine objects in Python: proxies that work by name, raise when freed, and count references.
extends "res://tests/godot/suite.gd"


func test_methods_properties_constants() -> void:
	var got := _objects().work()
	check_equal(
		got, ["Worker", Vector2(4.0, 5.0), true, true, true, PROCESS_MODE_ALWAYS as int, 3, true, true, "Node2D", true]
	)


func test_singletons() -> void:
	check_equal(_objects().singletons(), [Engine.get_version_info()["major"], true, true])


func test_identity() -> void:
	var objects := _objects()
	var other := Node.new()
	check_equal(objects.same(self, self), true)
	check_equal(objects.same(self, other), false)
	other.free()


func test_a_typed_variable_may_hold_nothing() -> void:
	var objects := _objects()
	var nothing: Node = null
	check_equal(objects.same(self, nothing), false)
	check_equal(objects.same(nothing, nothing), false)
	var untyped: Variant = objects
	check_equal(untyped.same(nothing, self), false)


func test_a_freed_object_raises() -> void:
	var objects := _objects()
	var node := Node.new()
	objects.keep(node)
	check_equal(objects.use_kept(), "Node")
	var id := node.get_instance_id()
	check_equal(objects.kept_state(), "True <Node#%d>" % id)
	node.free()
	check_equal(objects.kept_state(), "False <Node#%d (freed)>" % id)
	expect_error("SCRIPT ERROR: ReferenceError: this Node was freed")
	check_equal(objects.use_kept(), "")
	expect_error("SCRIPT ERROR: ReferenceError: this Node was freed")
	check_equal(objects.call("get_kept"), null)


func test_a_freed_python_node_raises() -> void:
	var objects := _objects()
	var probe := Probe.new()
	objects.keep(probe)
	check_equal(objects.use_kept(), "Probe")
	probe.free()
	expect_error("SCRIPT ERROR: ReferenceError: this Probe was freed")
	check_equal(objects.use_kept(), "")


func test_references_are_counted() -> void:
	var objects := _objects()
	check_equal(objects.references(100), objects.references(1))
	check_equal(objects.make_reference().get_reference_count(), 1)
	var made := objects.make_reference()
	check_equal(made.get_reference_count(), 1)
	var any: RefCounted = objects.call("make_any_reference")
	check_equal(any.get_reference_count(), 1)
	objects.keep(made)
	check_equal(made.get_reference_count(), 2)
	var watch: WeakRef = weakref(made)
	made = null
	check(watch.get_ref() != null, "Python keeps it")
	objects.keep(null)
	check_equal(watch.get_ref(), null)


func test_a_made_node_is_the_callers() -> void:
	var node := _objects().make_node()
	check_equal(node.name, &"made")
	node.free()


func test_errors_say_what_is_wrong() -> void:
	var objects := _objects()
	check_equal(objects.failing("method"), "AttributeError: Node has no method, property or signal no_such_method")
	check_equal(
		objects.failing("property"), "AttributeError: Node has no property no_such_property, or it does not take a int"
	)
	check_equal(
		objects.failing("type"), "TypeError: set_process_priority(): argument 1 is of the wrong type, Godot wants int"
	)
	check(objects.failing("value").begins_with("TypeError: a set cannot be passed to Godot"), "value")
	check_equal(objects.failing("few"), "TypeError: get_child() needs more arguments than 0")
	check_equal(objects.failing("many"), "TypeError: get_parent() takes at most 0 arguments, 2 given")
	expect_error("ERROR: Class 'InputEvent' or its base class cannot be instantiated.")
	check_equal(objects.failing("abstract"), "TypeError: InputEvent cannot be instantiated")
	check_equal(objects.failing("constant"), "AttributeError: Node has no constant or static method NO_SUCH")
	check_equal(objects.failing("name"), "ValueError: a name in Godot cannot hold U+0000: 'a\\x00b'")
	check(objects.failing("own name").begins_with("TypeError: Unregistered is not registered"), "own name")


func _objects() -> Objects:
	if get_child_count() == 0:
		add_child(Objects.new())
	return get_child(0) as Objects
