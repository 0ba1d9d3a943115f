# Start, frame, shutdown and end, in the engine's order: start → initialize(SCENE) → [initialize(EDITOR)] → frames → shutdown
# (the main loop ends, everything still works) → deinitialize(SCENE).

cdef bint _frame_wanted = False
cdef object _main_loop = None  # lifecycle.py, which owns the hooks


def start(unsigned long long get_proc_address, unsigned long long library, str modules):
    """Called by pythonscript.c, once: `modules` are the comma-separated modules whose classes the addon itself brings."""
    global _alive, _main_loop
    cdef GDExtensionMainLoopCallbacks callbacks
    load_interface(get_proc_address, library)
    _alive = True
    load_object_binds()
    from pythonscript.engine import lifecycle
    _main_loop = lifecycle
    if gd.register_main_loop_callbacks != NULL:
        memset(&callbacks, 0, sizeof(callbacks))
        callbacks.frame_func = <GDExtensionMainLoopFrameCallback><void*>main_loop_frame
        callbacks.shutdown_func = <GDExtensionMainLoopShutdownCallback><void*>main_loop_shutdown
        gd.register_main_loop_callbacks(_library, &callbacks)
    lifecycle.start([name for name in modules.split(",") if name])


def initialize(int level):
    """A level of the engine is up."""
    _main_loop.initialize(level)


def deinitialize(int level):
    """The SCENE level goes down: the last moment with an engine."""
    global _alive, _library
    _main_loop.shutdown()
    _main_loop.deinitialize()
    unregister_classes()  # Now that no instance is left that Python alone keeps.
    _alive = False
    release_names()
    _library = NULL  # What Python does from here on finds no engine, see need_engine().


def request_frame():
    """Asks for one call of lifecycle.frame() after this frame's `_process` methods. False where the engine cannot (< 4.5)."""
    global _frame_wanted
    _frame_wanted = True
    return gd.register_main_loop_callbacks != NULL


cpdef uint64_t process_frames() except? 0:
    """Engine.get_process_frames(), quick enough to ask in each frame: how many idle frames there were."""
    need_engine()
    return engine_count(_process_frames)


cpdef uint64_t physics_frames() except? 0:
    """Engine.get_physics_frames(), as process_frames()."""
    need_engine()
    return engine_count(_physics_frames)


cdef uint64_t engine_count(const void* bind) noexcept:
    cdef uint64_t count = 0
    gd.object_method_bind_ptrcall(bind, _engine, NULL, &count)
    return count
