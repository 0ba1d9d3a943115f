"""Simulation: the connections of a node, or one of a server's, are as they are on a bad network (net/simulation.py)."""

from __future__ import annotations

from typing import Any

from ..connection.connection import Connection
from ..declare.settings import setting
from ..loop.hub import hub
from ..net.link import Link
from ..net.simulated_link import SimulatedLink
from ..net.simulation import WebSocketSimulation
from .feature import Feature

_GROUP = "Simulation"


def _apply_to_all(node: Any) -> None:
    if not hub.is_elsewhere():
        for connection in list(node._open_connections()):
            connection.underlay(lambda lowest: _simulated(lowest, "for_all", node.simulation))
    elif node._open_connections():
        hub.call_soon(lambda: _apply_to_all(node))


def _apply_to_one(peer: Any) -> None:
    if not hub.is_elsewhere():
        if peer._connection is not None:
            peer._connection.underlay(lambda lowest: _simulated(lowest, "for_one", peer.simulation))
    elif peer._connection is not None:
        hub.call_soon(lambda: _apply_to_one(peer))


def _simulated(lowest: Link, which: str, simulation: WebSocketSimulation | None) -> Link:
    """What is to carry the bytes in place of the lowest link. `which` of a SimulatedLink's two is the simulation."""
    if simulation is None and not isinstance(lowest, SimulatedLink):
        return lowest
    link = lowest if isinstance(lowest, SimulatedLink) else SimulatedLink(lowest)
    setattr(link, which, simulation)
    return link


class SimulationSettings:
    """For a server or client with a Simulation."""

    simulation: WebSocketSimulation | None = setting(
        None,
        of=WebSocketSimulation,
        group=_GROUP,
        changed=_apply_to_all,
        doc="A bad network for all connections of this node, to see how the game feels there: a WebSocketSimulation, "
        "which has latency, jitter, bandwidth, stalls and cuts. What is changed in it counts at once, and so does "
        "another one, or none. For tests: a release build that uses it says so once in the log. null: bytes go as they "
        "come, and no time is spent.",
    )


class PeerSimulationSettings:
    """For a peer."""

    _connection: Connection | None

    simulation: WebSocketSimulation | None = setting(
        None,
        of=WebSocketSimulation,
        group=_GROUP,
        changed=_apply_to_one,
        doc="A bad network for this connection alone, in place of the server's `simulation`; one with nothing set in "
        "it spares it that. null: the server's counts.",
    )


class Simulation(Feature):
    """Lays a bad network below each connection, if the node has one."""

    node: SimulationSettings

    def carry(self, link: Link) -> Link:
        """See Feature."""
        return link.underlay(lambda lowest: _simulated(lowest, "for_all", self.node.simulation))
