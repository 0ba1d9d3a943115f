# cython: language_level=3
"""What the engine asks of a multiplayer peer for each packet and in each frame, past Python: most of it without the GIL.

The types behind the pointers are those of MultiplayerPeerExtension in the engine's API: int and enums are int64_t, bool is
a byte, and a buffer is two pointers.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t

from pythonscript._bridge cimport Object, free_shortcut_capsule, is_so, method_bind, process_frames, virtual_shortcut_capsule
from ws_python.connection.packets cimport Packet, Packets, State, available, is_elsewhere, put_in_room, status_of, take

cdef enum:
    OK = 0
    ERR_UNAVAILABLE = 2
    SERVER_ID = 1
    CHANNEL = 0  # Neither a channel nor a mode is on the wire.
    RELIABLE = 2


cdef const void* is_inside_tree = method_bind("Node", "is_inside_tree")
cdef const void* can_process = method_bind("Node", "can_process")


cdef class Companion:
    """What is needed of a multiplayer peer."""

    cdef object multiplayer
    cdef Object node
    cdef Packets packets
    cdef long long last_frame


def accompany(Object peer not None, multiplayer):
    """To be called once by a multiplayer peer, when it is made."""
    cdef Companion companion = Companion.__new__(Companion)
    companion.multiplayer = multiplayer
    companion.node = multiplayer.node
    companion.packets = multiplayer.packets
    companion.last_frame = -1
    peer.companion = companion
    peer.memory = &companion.packets.state


cdef inline Companion companion_of(object peer):
    return <Companion>(<Object>peer).companion  # None where it belongs to no node.


cdef bint poll(object peer, const void** arguments, void* result) except -1:
    cdef Companion companion = companion_of(peer)
    cdef long long frame = 2 * process_frames()
    cdef bint again
    if companion is None or is_elsewhere():
        return False
    if companion.packets.inbox is None or is_so(companion.node, is_inside_tree) and not is_so(companion.node, can_process):
        return True  # Its node is gone, or stops with the game.
    # The node polls in this frame, too, and the loop is turned once for both; whoever polls again wants more.
    again, companion.last_frame = frame == companion.last_frame, frame
    if companion.packets.turn(-1 if again else frame):
        companion.multiplayer.tell()
    return True


cdef bint get_packet(void* memory, const void** arguments, void* result) noexcept nogil:
    cdef const Packet* packet = take(<State*>memory)
    cdef const char** data = (<const char** const*>arguments[0])[0]
    cdef int32_t* size = (<int32_t* const*>arguments[1])[0]
    cdef int64_t* error = <int64_t*>result
    if packet == NULL:
        data[0] = NULL
        size[0] = 0
        error[0] = ERR_UNAVAILABLE
    else:
        data[0] = packet.memory
        size[0] = packet.size
        error[0] = OK
    return True


cdef bint put_packet_in_room(void* memory, const void** arguments, void* result) noexcept nogil:
    cdef const uint8_t* data = (<const uint8_t* const*>arguments[0])[0]
    if not put_in_room(<State*>memory, data, (<const int64_t*>arguments[1])[0]):
        return False
    (<int64_t*>result)[0] = OK
    return True


cdef bint put_packet(object peer, const void** arguments, void* result) except -1:
    cdef Companion companion = companion_of(peer)
    if companion is None:
        return False
    (<int64_t*>result)[0] = companion.packets.put_memory(
        (<const uint8_t* const*>arguments[0])[0], (<const int64_t*>arguments[1])[0])
    return True


cdef bint get_available_packet_count(void* memory, const void** arguments, void* result) noexcept nogil:
    (<int64_t*>result)[0] = available(<State*>memory)
    return True


cdef bint get_packet_peer(void* memory, const void** arguments, void* result) noexcept nogil:
    cdef State* state = <State*>memory
    (<int64_t*>result)[0] = state.packets[state.next].sender if state.next < state.end else 0
    return True


cdef bint get_packet_channel(void* memory, const void** arguments, void* result) noexcept nogil:
    (<int64_t*>result)[0] = CHANNEL
    return True


cdef bint get_packet_mode(void* memory, const void** arguments, void* result) noexcept nogil:
    (<int64_t*>result)[0] = RELIABLE
    return True


# What another thread sets is no matter: it puts nothing.
cdef bint set_target_peer(void* memory, const void** arguments, void* result) noexcept nogil:
    if not is_elsewhere():
        (<State*>memory).target = <int32_t>(<const int64_t*>arguments[0])[0]
    return True


cdef bint set_transfer_channel(void* memory, const void** arguments, void* result) noexcept nogil:
    if not is_elsewhere():
        (<State*>memory).channel = <int32_t>(<const int64_t*>arguments[0])[0]
    return True


cdef bint get_transfer_channel(void* memory, const void** arguments, void* result) noexcept nogil:
    (<int64_t*>result)[0] = (<State*>memory).channel
    return True


cdef bint set_transfer_mode(void* memory, const void** arguments, void* result) noexcept nogil:
    if not is_elsewhere():
        (<State*>memory).mode = <int32_t>(<const int64_t*>arguments[0])[0]
    return True


cdef bint get_transfer_mode(void* memory, const void** arguments, void* result) noexcept nogil:
    (<int64_t*>result)[0] = (<State*>memory).mode
    return True


cdef bint get_unique_id(void* memory, const void** arguments, void* result) noexcept nogil:
    (<int64_t*>result)[0] = (<State*>memory).unique_id
    return True


cdef bint is_server(void* memory, const void** arguments, void* result) noexcept nogil:
    (<uint8_t*>result)[0] = (<State*>memory).unique_id == SERVER_ID
    return True


cdef bint get_connection_status(void* memory, const void** arguments, void* result) noexcept nogil:
    (<int64_t*>result)[0] = status_of(<State*>memory)
    return True


SHORTCUTS = {
    "_poll": virtual_shortcut_capsule(poll),
    "_get_packet": free_shortcut_capsule(get_packet),
    "_put_packet": (free_shortcut_capsule(put_packet_in_room), virtual_shortcut_capsule(put_packet)),
    "_get_available_packet_count": free_shortcut_capsule(get_available_packet_count),
    "_get_packet_peer": free_shortcut_capsule(get_packet_peer),
    "_get_packet_channel": free_shortcut_capsule(get_packet_channel),
    "_get_packet_mode": free_shortcut_capsule(get_packet_mode),
    "_set_target_peer": free_shortcut_capsule(set_target_peer),
    "_set_transfer_channel": free_shortcut_capsule(set_transfer_channel),
    "_get_transfer_channel": free_shortcut_capsule(get_transfer_channel),
    "_set_transfer_mode": free_shortcut_capsule(set_transfer_mode),
    "_get_transfer_mode": free_shortcut_capsule(get_transfer_mode),
    "_get_unique_id": free_shortcut_capsule(get_unique_id),
    "_is_server": free_shortcut_capsule(is_server),
    "_get_connection_status": free_shortcut_capsule(get_connection_status),
}
