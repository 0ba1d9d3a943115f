# cython: language_level=3
"""The host: what an engine adds to the loop. It hands an object of its own over, as `Hub.host`."""

from asyncio import get_running_loop


cdef class Host:
    """A plain Python program, which has no frames."""

    def __init__(self):
        # Seconds that the turn of a frame may wait for the network: for an engine that does not sleep between frames.
        self.frame_wait = 0.0

    cpdef bint at_frame_end(self, object callback) except -1:
        """Call `callback` once, at the end of the running frame. False, and no call, where there is no such moment."""
        return False

    def running_loop(self):
        """The event loop in which the caller runs and in which nodes are to work, with nobody to poll; None for none."""
        try:
            return get_running_loop()
        except RuntimeError:
            return None
