## Python classes that derive from RefCounted and its kin: they live as long as either side refers to them.
extends "res://tests/godot/suite.gd"

const MANY := 100_000
const THREADS := 4
const BEING_FREED := "this Token is being freed: the engine takes no more references to it"


class Better:
	extends Stats
	var extra := 1

	func rise_twice() -> int:
		rise()
		return rise()


func test_a_reference_is_counted_once() -> void:
	var keeper := _keeper()
	var token := Token.new()
	check_equal(token.get_reference_count(), 1)
	check_equal(token.myself().get_reference_count(), 2, "with the result")
	keeper.keep(token)
	check_equal(token.get_reference_count(), 2, "Python's is one")
	keeper.keep_any(token)
	keeper.keep_any([token])
	check_equal(token.get_reference_count(), 3, "an engine's Array in Python is another")
	keeper.clear()
	check_equal(token.get_reference_count(), 1)
	check_equal(keeper.make().get_reference_count(), 1, "typed")
	var made: Token = keeper.call("make_any")
	check_equal(made.get_reference_count(), 1, "untyped")


func test_it_goes_with_the_last_reference_of_the_engine() -> void:
	var keeper := _keeper()
	var token := Token.new()
	var watch: WeakRef = weakref(token)
	token.set_name("first")
	token.emit_changed(7)
	check(watch.get_ref() != null, "there")
	token = null
	check_equal(watch.get_ref(), null)
	check_equal(keeper.gone(), ["first 7 " + BEING_FREED], "its PREDELETE, in which its attributes are there")


func test_it_goes_with_the_last_reference_of_python() -> void:
	var keeper := _keeper()
	var token := Token.new()
	var watch: WeakRef = weakref(token)
	token.set_name("first")
	keeper.keep(token)
	token = null
	check(watch.get_ref() != null, "Python keeps it")
	keeper.clear()
	check_equal(watch.get_ref(), null)
	check_equal(keeper.gone(), ["first 0 " + BEING_FREED])


func test_its_attributes_stay_while_only_the_engine_refers_to_it() -> void:
	var keeper := _keeper()
	var token := Token.new()
	var other := Token.new()
	token.set_tag(other)
	keeper.watch(token)
	for i: int in 3:
		keeper.keep(token)
		keeper.clear()
		keeper.collect()
		check(keeper.is_watched_there(), "a weak reference of Python")
		check_equal(token.get_tag(), other)
	check_equal(other.get_reference_count(), 2)
	token = null
	check(not keeper.is_watched_there(), "gone")
	check_equal(other.get_reference_count(), 1)


func test_the_same_instance_comes_back() -> void:
	var keeper := _keeper()
	var token := Token.new()
	keeper.keep(token)
	check_equal(keeper.same(token, token), true)
	check_equal(keeper.call("same", token, token.myself()), true)
	var back := keeper.pop()
	check_equal(back, token)
	var list: Array[Token] = [token]
	keeper.keep_any(list)
	keeper.keep_any({token: token})
	var table: Dictionary = keeper.pop_any()
	check_equal(table[token], token)
	var returned: Array = keeper.pop_any()
	check_equal(returned[0], token)


func test_handed_from_the_engine_to_python_and_back() -> void:
	var keeper := _keeper()
	_hand_over(keeper, 100)
	var objects := Performance.get_monitor(Performance.OBJECT_COUNT)
	var census := Census.new()
	var python := census.objects()
	_hand_over(keeper, MANY)
	check(absi(census.objects() - python) < 20, "%d more Python objects" % (census.objects() - python))
	census.free()
	check_equal(Performance.get_monitor(Performance.OBJECT_COUNT), objects)


func test_handed_from_python_to_the_engine_and_back() -> void:
	var keeper := _keeper()
	keeper.back_and_forth(100, 10)
	var objects := Performance.get_monitor(Performance.OBJECT_COUNT)
	var census := Census.new()
	var python := census.objects()
	check_equal(keeper.back_and_forth(MANY + 5, 9), [MANY, MANY + 1, MANY + 2, MANY + 3, MANY + 4])
	check(absi(census.objects() - python) < 20, "%d more Python objects" % (census.objects() - python))
	census.free()
	check_equal(Performance.get_monitor(Performance.OBJECT_COUNT), objects)


func test_a_signal_with_itself_connected_to_its_own_method() -> void:
	var token := Token.new()
	var heard: Array[Object] = []
	token.changed.connect(func(_value: int, by: Object) -> void: heard.append(by))
	token.emit_changed(3)
	check_equal(token.get_value(), 3)
	check_equal(heard, [token] as Array[Object])
	heard.clear()
	check_equal(token.get_reference_count(), 1, "the connection is no reference")


func test_a_callable_does_not_keep_it() -> void:
	var token := Token.new()
	var method: Callable = token.method()
	check_equal(token.is_method(method), true)
	check_equal(method == (token.method() as Callable), true)
	method.call(9, null)
	check_equal(token.get_value(), 9)
	check_equal(method.is_valid(), true)
	check_equal(method.get_object(), token)
	var watch: WeakRef = weakref(token)
	token = null
	check_equal(watch.get_ref(), null)
	check_equal(method.is_valid(), false)
	expect_error("SCRIPT ERROR: Attempt to call function 'Python:Token.note_change")
	method.call(9, null)


func test_pythons_collector_leaves_what_the_engine_refers_to() -> void:
	var keeper := _keeper()
	var cyclic := Cyclic.new()
	var watch: WeakRef = weakref(cyclic)
	for i: int in 3:
		keeper.collect()
		check_equal(cyclic.is_whole(), true)
	cyclic = null
	check(watch.get_ref() != null, "it keeps itself")
	keeper.collect()
	check_equal(watch.get_ref(), null)
	check_equal(keeper.gone(), ["part"])


func test_constructors() -> void:
	var keeper := _keeper()
	var minted := Minted.new()
	check_equal(minted.get_reference_count(), 1)
	check_equal(minted.get_value(), 5, "heard itself in __init__")
	check_equal(minted.get_meta("seen"), [1])
	var listed := Listed.new()
	check_equal(listed.get_reference_count(), 2)
	var watch: WeakRef = weakref(listed)
	listed = null
	check(watch.get_ref() != null, "Python keeps it")
	keeper.clear()
	check_equal(watch.get_ref(), null)
	var by_name: Token = ClassDB.instantiate("Token")
	check_equal(by_name.get_reference_count(), 1)
	check_equal(keeper.make_broken(), "in __init__")
	expect_error("SCRIPT ERROR: ValueError: in __init__")
	var broken: RefCounted = ClassDB.instantiate("Broken")
	check_equal(broken.get_reference_count(), 1)


func test_let_go_inside_of_its_own_method() -> void:
	var keeper := _keeper()
	keeper.keep(Token.new())
	var token := keeper.pop()
	var watch: WeakRef = weakref(token)
	keeper.keep(token)
	check_equal(token.is_in(keeper), true)
	token = null
	check_equal(watch.get_ref(), null)


func test_threads_of_godot() -> void:
	var keeper := _keeper()
	var shared := Token.new()
	var objects := Performance.get_monitor(Performance.OBJECT_COUNT)
	_run_threads(keeper, shared)
	keeper.clear()
	keeper.collect()
	check_equal(shared.get_reference_count(), 1)
	check_equal(Performance.get_monitor(Performance.OBJECT_COUNT), objects)


func test_a_resource_is_saved_and_loaded() -> void:
	var stats := BetterStats.new()
	stats.level = 8
	stats.scores = [1, 2]
	stats.bonus = 1.5
	var inner := Stats.new()
	inner.title = "inner"
	stats.inner = inner
	for path: String in ["user://stats.tres", "user://stats.res"]:
		check_equal(ResourceSaver.save(stats, path), OK, path)
		var cached: Resource = load(path)
		check_equal(load(path), cached, "one for each path")
		var loaded: BetterStats = ResourceLoader.load(path, "", ResourceLoader.CACHE_MODE_IGNORE)
		check_equal(loaded.get_reference_count(), 1)
		check_equal([loaded.level, loaded.title, loaded.scores, loaded.bonus], [8, "untitled", stats.scores, 1.5])
		check_equal((loaded.inner as Stats).title, "inner")
		check_equal(loaded.rise(), 9)
	var text := FileAccess.get_file_as_string("user://stats.tres")
	check('[gd_resource type="BetterStats"' in text, text)
	check("untitled" not in text, "a default is not saved")
	DirAccess.remove_absolute("user://stats.tres")
	DirAccess.remove_absolute("user://stats.res")


func test_a_resource_loaded_on_a_thread() -> void:
	var stats := Stats.new()
	stats.level = 6
	check_equal(ResourceSaver.save(stats, "user://threaded.tres"), OK)
	check_equal(ResourceLoader.load_threaded_request("user://threaded.tres"), OK)
	var loaded: Stats = ResourceLoader.load_threaded_get("user://threaded.tres")
	check_equal(loaded.rise(), 7)
	DirAccess.remove_absolute("user://threaded.tres")


func test_a_resource_is_duplicated() -> void:
	var stats := Stats.new()
	stats.level = 8
	stats.scores.append(4)
	stats.inner = Stats.new()
	var shallow: Stats = stats.duplicate()
	check_equal(shallow.inner, stats.inner)
	var deep: Stats = stats.duplicate(true)
	check(deep.inner != stats.inner, "deep")
	check_equal(deep.level, 8)
	check_equal(deep.rise(), 9)
	check_equal(stats.level, 8)


func test_a_resource_of_a_node() -> void:
	var sheet := Sheet.new()
	var stats := Stats.new()
	sheet.stats = stats
	check_equal(stats.get_reference_count(), 2)
	check_equal(sheet.stats, stats)
	sheet.set("stats", Resource.new())
	check_equal(sheet.stats, stats, "of the wrong class")
	for info: Dictionary in sheet.get_property_list():
		if info["name"] == "stats":
			check_equal(info["hint"], PROPERTY_HINT_RESOURCE_TYPE)
			check_equal(info["hint_string"], "Stats")
	var scene := PackedScene.new()
	check_equal(scene.pack(sheet), OK)
	sheet.free()
	check_equal(stats.get_reference_count(), 2, "the scene's")
	var made: Sheet = scene.instantiate()
	check_equal(made.stats, stats)
	made.free()


func test_a_script_on_a_resource() -> void:
	var better := Better.new()
	check_equal(better.rise_twice(), 5)
	check_equal(better.get_reference_count(), 1)
	var watch: WeakRef = weakref(better)
	better = null
	check_equal(watch.get_ref(), null)


func test_virtuals() -> void:
	var texture := Plain.new()
	check_equal(texture.get_size(), Vector2(30.0, 40.0))


func _keeper() -> Keeper:
	if get_child_count() == 0:
		add_child(Keeper.new())
	return get_child(0) as Keeper


## By typed and untyped calls, kept in arrays on either side.
func _hand_over(keeper: Keeper, times: int) -> void:
	var kept: Array[Token] = []
	for i: int in times:
		var token := Token.new()
		keeper.keep(token)
		kept.append(keeper.pop())
		keeper.keep_any(kept)
		keeper.call("keep_any", keeper.make())
		token.set_tag(keeper.call("pop_any"))
		keeper.clear()
		if kept.size() == 10:
			kept.clear()


func _run_threads(keeper: Keeper, shared: Token) -> void:
	var running: Array[Thread] = []
	for i: int in THREADS:
		var thread := Thread.new()
		thread.start(_hand_over_on_thread.bind(keeper, shared))
		running.append(thread)
	_hand_over_on_thread(keeper, shared)
	for thread: Thread in running:
		thread.wait_to_finish()


func _hand_over_on_thread(keeper: Keeper, shared: Token) -> void:
	var mine: Array[Token] = []
	for i: int in 2000:
		mine.append(Token.new())
		keeper.keep(mine[-1])
		keeper.keep(shared)
		mine.append(keeper.pop())
		mine.append(keeper.make())
		mine.append(shared)
		if mine.size() > 20:
			mine.clear()
