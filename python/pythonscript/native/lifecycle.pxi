# Start and end of what is native, the end of a frame, and counts of frames: engine/lifecycle.py calls, and is called back.

cdef bint _frame_wanted = False
cdef object _frame = None
cdef object _shutdown = None


def start(unsigned long long get_proc_address, unsigned long long library, frame, shutdown):
    """Loads what the engine offers. `frame` is called at the end of a frame that was asked for, `shutdown` when the main loop ends."""
    global _alive, _frame, _shutdown
    cdef GDExtensionMainLoopCallbacks callbacks
    load_interface(get_proc_address, library)
    _alive = True
    load_object_binds()
    _frame, _shutdown = frame, shutdown
    if gd.register_main_loop_callbacks != NULL:
        memset(&callbacks, 0, sizeof(callbacks))
        callbacks.frame_func = <GDExtensionMainLoopFrameCallback><void*>main_loop_frame
        callbacks.shutdown_func = <GDExtensionMainLoopShutdownCallback><void*>main_loop_shutdown
        gd.register_main_loop_callbacks(_library, &callbacks)


def stop():
    """Lets go of the engine, when no instance is left that Python alone keeps: what Python does from here on finds none."""
    global _alive, _library
    unregister_classes()
    _alive = False
    release_names()
    _library = NULL


def request_frame():
    """Asks for one call of `frame` after this frame's `_process` methods. False where the engine cannot (< 4.5)."""
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
