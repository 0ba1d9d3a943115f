"""The peer of Godot's multiplayer over a server or client, as a class of the engine."""

from __future__ import annotations

from typing import Any

import ws_python
from pythonscript.godot import Error, MultiplayerPeer, MultiplayerPeerExtension
from ws_python.features.multiplayer import Multiplayer, Plays
from ws_python.loop.hub import hub

from .multiplayer_shortcuts import SHORTCUTS, accompany

_RELIABLE = MultiplayerPeer.TRANSFER_MODE_RELIABLE
_DISCONNECTED = MultiplayerPeer.CONNECTION_DISCONNECTED


class WebSocketNodeMultiplayerPeer(MultiplayerPeerExtension, tool=True, creatable=False, shortcuts=SHORTCUTS):
    """The players of a WebSocketServer, or a WebSocketClient that plays: what get_multiplayer_peer() of these gives.

    Put it into ``multiplayer.multiplayer_peer``. On the wire it is as the engine's own WebSocketMultiplayerPeer, which
    may be at the other end. It belongs to its node: that listens, connects, and says who is there. Transfer modes are
    heeded: a reliable packet is never dropped, and where there is no room for one, its peer is closed; an unreliable
    one is left out for a peer that lags behind, and of unreliable ordered ones that gets the newest of each channel.
    """

    def __init__(self) -> None:
        super().__init__()
        self._multiplayer: Multiplayer | None = None

    def _belong_to(self, multiplayer: Multiplayer) -> None:
        self._multiplayer = multiplayer
        accompany(self, multiplayer)

    def _close(self) -> None:
        if self._multiplayer is not None:
            self._multiplayer.close()

    def _disconnect_peer(self, p_peer: int, p_force: bool) -> None:
        if self._multiplayer is not None:
            self._multiplayer.disconnect_peer(p_peer, p_force)

    def _set_refuse_new_connections(self, p_enable: bool) -> None:
        if self._multiplayer is not None:
            self._multiplayer.refuses = p_enable

    def _is_refusing_new_connections(self) -> bool:
        return self._multiplayer is not None and self._multiplayer.refuses

    def _is_server_relay_supported(self) -> bool:
        return True

    def _get_max_packet_size(self) -> int:
        return 0 if self._multiplayer is None else self._multiplayer.max_packet_size

    # What has a shortcut comes here only where it belongs to no node, or on a thread that does not poll.

    def _poll(self) -> None:
        if self._multiplayer is not None:
            hub.refuses("poll")

    def _get_packet(self) -> Any:
        return Error.ERR_UNAVAILABLE

    def _put_packet(self, p_buffer: bytes) -> Error:
        return Error.ERR_UNCONFIGURED

    def _get_available_packet_count(self) -> int:
        return 0

    def _get_packet_peer(self) -> int:
        return 0

    def _get_packet_channel(self) -> int:
        return 0

    def _get_packet_mode(self) -> int:
        return _RELIABLE

    def _set_target_peer(self, p_peer: int) -> None: ...

    def _set_transfer_channel(self, p_channel: int) -> None: ...

    def _get_transfer_channel(self) -> int:
        return 0

    def _set_transfer_mode(self, p_mode: int) -> None: ...

    def _get_transfer_mode(self) -> int:
        return _RELIABLE

    def _get_unique_id(self) -> int:
        return 0

    def _is_server(self) -> bool:
        return False

    def _get_connection_status(self) -> int:
        return _DISCONNECTED


class GodotPlays(Plays):
    """For a server or client. Comes before the class of ws_python in a node's bases, as the others here do."""

    def get_multiplayer_peer(self) -> MultiplayerPeer:  # noqa: D102 - see below.
        peer: MultiplayerPeer = super().get_multiplayer_peer()
        return peer

    get_multiplayer_peer.__doc__ = Plays.get_multiplayer_peer.__doc__

    def _new_multiplayer_peer(self) -> WebSocketNodeMultiplayerPeer:
        peer = WebSocketNodeMultiplayerPeer()
        peer._belong_to(self._multiplayer)
        return peer

    def _begins_by_itself(self) -> bool:
        node: Any = self
        is_wanted = node.autostart if isinstance(self, ws_python.WebSocketServer) else node.autoconnect
        return bool(node._is_to_begin and is_wanted)
