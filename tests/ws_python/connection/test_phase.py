"""Tests of ws_python.connection.phase, and that Connection keeps its rules."""

from __future__ import annotations

import pytest
from ws_python import WebSocketClient, WebSocketServer
from ws_python.connection.phase import READY_STATES, TRANSITIONS, Phase, ReadyState

from tests.ws_python.driving import poll_until

Pair = tuple[WebSocketServer, WebSocketClient, int]


def test_each_phase_leads_on_and_none_back() -> None:
    assert set(TRANSITIONS) == set(READY_STATES) == set(Phase)
    for phase, following in TRANSITIONS.items():
        assert all(later > phase for later in following)
        assert phase is Phase.GONE or Phase.GONE in following, "whatever it is in, it may break"


def test_the_ready_states_are_those_of_the_engine() -> None:
    assert list(READY_STATES.values()) == sorted(READY_STATES.values())
    assert [phase for phase, state in READY_STATES.items() if state is ReadyState.STATE_OPEN] == [Phase.OPEN]


def test_a_connection_goes_no_other_way(pair: Pair) -> None:
    _, client, _ = pair
    connection = client._connection
    assert connection is not None
    for phase in set(Phase) - set(TRANSITIONS[Phase.OPEN]):
        with pytest.raises(RuntimeError, match=f"cannot go from OPEN to {phase.name}"):
            connection.move_to(phase)
    assert connection.phase is Phase.OPEN


def test_what_can_be_sent_follows_from_the_phase(pair: Pair) -> None:
    server, client, _ = pair
    connection = client._connection
    assert connection is not None and connection.outbox.accepts
    phases = [connection.phase]
    client.close()
    assert not connection.outbox.accepts

    def gone() -> bool:
        if connection.phase is not phases[-1]:
            phases.append(connection.phase)
        return connection.phase is Phase.GONE

    phases.append(connection.phase)
    poll_until(gone, server, client)
    assert phases[:2] == [Phase.OPEN, Phase.CLOSING]
    assert phases == sorted(phases)
