"""Tests of ws_python.features.reconnect: delays, bounds, what ends it, and what brings an attempt forward."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import pytest
from ws_python.declare.settings import settings_of
from ws_python.features.reconnect import Reconnect, ReconnectSettings
from ws_python.loop.hub import hub
from ws_python.net.network_changes import network_changes

# The server's clock, and a minute later.
DATE, LATER = "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:50:37 GMT"


class Client(ReconnectSettings):
    """What a Reconnect needs of a client. Each attempt is counted, and its outcome is for the test to tell."""

    def __init__(self) -> None:
        self.auto_reconnect = True
        self._keeps_trying = lambda: self.auto_reconnect
        self.counts: Counter[str] = Counter()
        self.attempts = 0
        self.reconnect = Reconnect(self, self.start)

    def _count(self, what: str) -> None:
        self.counts[what] += 1

    def start(self) -> None:
        self.attempts += 1

    def fail(self, retry_after: str = "", date: str = "") -> str:
        return self.reconnect.failed(may_pass=True, retry_after=retry_after, date=date)

    def lose(self) -> str:
        """A connection opens, and is lost at once."""
        self.reconnect.opened()
        return self.reconnect.closed(1006, by_server=False)

    def attempt(self) -> None:
        """The wait ends with an attempt."""
        before = self.attempts
        turn_until(lambda: self.attempts > before)
        assert self.attempts == before + 1
        assert self.reconnect.wait == 0


@pytest.fixture
def client() -> Client:
    hub.loop()
    return Client()


def turn_until(condition: Callable[[], bool], deadline: float = 10.0) -> None:
    end = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end
        hub.turn(0.005, 0.01)


def turn_for(seconds: float) -> None:
    end = time.monotonic() + seconds
    turn_until(lambda: time.monotonic() >= end)


def delays(client: Client, count: int) -> list[float]:
    """The next delays, each after an attempt that failed, without the waiting."""
    found = []
    for _ in range(count):
        assert client.fail() == ""
        found.append(client.reconnect.seconds_left)
        next_attempt = client.reconnect._next_attempt
        assert next_attempt is not None
        next_attempt.cancel()
        client.reconnect._begin_attempt()
    return found


def test_delays_double_up_to_the_longest_and_vary(client: Client) -> None:
    client.reconnect_delay, client.reconnect_delay_max = 1.0, 5.0
    seen: list[list[float]] = []
    for _ in range(50):
        seen.append(delays(client, 4))
        client.reconnect.stop()
    for each, longest in zip(zip(*seen, strict=True), [1.0, 2.0, 4.0, 5.0], strict=True):
        assert all(longest / 2 <= delay <= longest for delay in each)
        assert len(set(each)) > 40
        assert max(each) - min(each) > longest / 4


def test_attempts_without_end_are_told_apart_and_stay_as_far_apart(client: Client) -> None:
    assert max(delays(client, 5000)) <= client.reconnect_delay_max
    assert client.reconnect.attempt == 5000


def test_the_delay_starts_small_again_only_after_a_connection_that_held(client: Client) -> None:
    client.reconnect_stable_time = 0.3
    delays(client, 3)
    assert client.lose() == ""
    assert client.reconnect.seconds_left > 3.9
    assert client.reconnect.attempt == 4
    client.reconnect.opened()
    held_until = hub.deadlines.now + 0.4
    turn_until(lambda: hub.deadlines.now >= held_until)
    client.reconnect.closed(1006, by_server=False)
    assert client.reconnect.seconds_left <= 1.0
    assert client.reconnect.attempt == 1


def test_it_ends_with_the_last_attempt(client: Client) -> None:
    client.reconnect_max_attempts = 3
    delays(client, 2)
    assert client.lose() == ""
    client.reconnect._begin_attempt()
    assert client.fail() == "not tried again: 3 attempts were made (reconnect_max_attempts)"
    assert client.reconnect.wait == 0
    assert client.counts == {"reconnect_attempts": 3, "gave_up": 1}


def test_attempts_are_counted_anew_after_a_connection_that_held(client: Client) -> None:
    client.reconnect_max_attempts = 1
    client.reconnect_stable_time = 0.0
    for _ in range(5):
        assert client.lose() == ""


def test_it_ends_after_a_time(client: Client) -> None:
    client.reconnect_delay = 0.05
    client.reconnect_max_time = 0.5
    begin = hub.deadlines.now
    why = client.fail()
    while not why:
        client.attempt()
        why = client.fail()
    assert why == "not tried again: 0.5 s have gone (reconnect_max_time)"
    # After 0.05, 0.1, 0.2 s at the most, and what is left of the time in place of 0.4.
    assert 1 <= client.attempts <= 6
    assert hub.deadlines.now - begin >= 0.25
    assert client.counts["gave_up"] == 1


def test_the_last_attempt_uses_the_time_that_is_left(client: Client) -> None:
    client.reconnect_delay, client.reconnect_max_time = 100.0, 10.0
    left = []
    for _ in range(50):
        client.fail()
        left.append(client.reconnect.seconds_left)
        client.reconnect._begin_attempt()
        assert "10 s have gone (reconnect_max_time)" in client.fail()
    assert all(5.0 <= seconds <= 10.0 for seconds in left)
    assert max(left) - min(left) > 2.0, "not all clients at the same time"


def test_without_bounds_it_goes_on(client: Client) -> None:
    assert (client.reconnect_max_attempts, client.reconnect_max_time) == (0, 0.0)
    assert len(delays(client, 1000)) == 1000


def test_it_is_off_if_the_client_says_so(client: Client) -> None:
    client.auto_reconnect = False
    assert client.fail() == client.lose() == client.reconnect.failed(may_pass=False) == ""
    assert client.reconnect.wait == 0
    assert client.counts == {}


def test_what_does_not_pass_by_itself_ends_it(client: Client) -> None:
    client.fail()
    assert client.reconnect.failed(may_pass=False) == "not tried again: this does not pass by itself"
    assert client.reconnect.wait == 0
    assert client.counts == {"gave_up": 1}
    turn_for(0.1)
    assert client.attempts == 0


def test_close_codes_that_mean_to_stay_away(client: Client) -> None:
    assert client.reconnect_stop_codes == [1008, 3000, 3003]
    for code in client.reconnect_stop_codes:
        client.reconnect.opened()
        why = client.reconnect.closed(code, by_server=True)
        assert why == f"not tried again: the server has closed with {code}, which is one of reconnect_stop_codes"
    for code in (1000, 1001, 1006, 1011, 1012, 1013, 4008):
        client.reconnect.opened()
        assert client.reconnect.closed(code, by_server=True) == ""
    client.reconnect.opened()
    assert client.reconnect.closed(1008, by_server=False) == "", "it was this side that closed"
    client.reconnect_stop_codes = [4008]
    client.reconnect.opened()
    assert "4008" in client.reconnect.closed(4008, by_server=True)
    client.reconnect.opened()
    assert client.reconnect.closed(1008, by_server=True) == ""


@pytest.mark.parametrize("codes", [[999], [5000], ["1008"], [True], 1008, None])
def test_codes_that_are_none(client: Client, codes: object) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^reconnect_stop_codes must"):
        client.reconnect_stop_codes = codes  # type: ignore[assignment]
    assert client.reconnect_stop_codes == [1008, 3000, 3003]


@pytest.mark.parametrize(("header", "date", "asked"), [("60", "", 60.0), (LATER, DATE, 60.0), ("99999", "", 300.0)])
def test_a_server_may_ask_to_wait_longer(client: Client, header: str, date: str, asked: float) -> None:
    seen = []
    for _ in range(50):
        client.fail(header, date)
        seen.append(client.reconnect.seconds_left)
        client.reconnect.stop()
    assert all(asked - 0.01 <= delay <= asked + client.reconnect_delay for delay in seen)
    assert max(seen) - min(seen) > 0.4, "not all clients at the same time"


@pytest.mark.parametrize("header", ["0", "-1", "never", "1"])
def test_it_cannot_ask_to_come_sooner(client: Client, header: str) -> None:
    client.reconnect_delay = 10.0
    client.fail(header)
    assert client.reconnect.seconds_left >= 5.0


def test_it_is_heeded_no_further_than_the_client_wants(client: Client) -> None:
    client.reconnect_retry_after_max = 0.0
    client.fail("60")
    assert client.reconnect.seconds_left <= 1.0
    client.reconnect.stop()
    client.reconnect_retry_after_max = 20.0
    client.reconnect_max_time = 10.0
    assert client.fail("60") == "not tried again: the server asks to wait for 20 s, longer than reconnect_max_time"


def test_a_connection_that_comes_back_is_told_from_the_first_one(client: Client) -> None:
    assert client.reconnect.opened() is False
    client.reconnect.closed(1006, by_server=False)
    assert client.reconnect.opened() is True
    client.reconnect.stop()
    client.fail()
    assert client.reconnect.opened() is False, "it was never there"


def test_a_network_that_came_back_is_tried_at_once(client: Client) -> None:
    client.reconnect_delay = 3600.0
    client.reconnect_delay_max = 3600.0
    client.fail()
    assert client.reconnect.seconds_left > 1000
    begin = hub.deadlines.now
    network_changes._changed()
    client.attempt()
    assert 0.05 <= hub.deadlines.now - begin <= 10.0


def test_then_delays_start_small_again_and_attempts_go_on_being_counted(client: Client) -> None:
    client.reconnect_delay_max = 3600.0
    delays(client, 10)
    client.fail()
    network_changes._changed()
    client.attempt()
    client.fail()
    assert client.reconnect.seconds_left <= 1.0
    assert client.reconnect.attempt == 12


def test_a_network_that_comes_and_goes_does_not_bring_an_attempt_each_time(client: Client) -> None:
    client.reconnect_delay = client.reconnect_delay_max = 3600.0
    client.fail()
    end = time.monotonic() + 3.0
    while time.monotonic() < end or client.attempts < 3:
        network_changes._changed()
        hub.turn(0.001, 0.01)
        if client.reconnect.wait == 0:
            client.fail()
    assert client.attempts == 3
    # What came in the meantime is not lost, and has its turn 30 s after the first one.
    assert 0 < client.reconnect.seconds_left < 30


def test_a_network_that_came_back_is_no_reason_to_come_before_a_server_wants(client: Client) -> None:
    client.fail("60")
    network_changes._changed()
    assert client.reconnect.seconds_left > 59


def test_a_change_during_an_attempt_counts_for_the_wait_behind_it(client: Client) -> None:
    client.reconnect_delay = client.reconnect_delay_max = 100.0
    client.fail()
    client.reconnect._begin_attempt()
    network_changes._changed()
    client.fail()
    assert client.reconnect.seconds_left < 1.0
    client.attempt()
    client.fail()
    assert client.reconnect.seconds_left > 40.0


def test_a_change_during_an_attempt_that_succeeds_is_over(client: Client) -> None:
    client.reconnect_delay = 100.0
    client.fail()
    client.reconnect._begin_attempt()
    network_changes._changed()
    client.lose()
    assert client.reconnect.seconds_left > 10.0


def test_an_attempt_that_was_brought_forward_is_not_the_last_one(client: Client) -> None:
    client.reconnect_delay, client.reconnect_delay_max, client.reconnect_max_time = 8.0, 100.0, 10.0
    client.fail()
    client.reconnect._begin_attempt()
    client.fail()
    assert client.reconnect.seconds_left >= 4.9, "16 s are longer than the time that is left"
    network_changes._changed()
    client.attempt()
    assert client.fail() == ""


def test_nobody_is_told_of_the_network_who_does_not_wait_for_it(client: Client) -> None:
    def listens() -> bool:
        return client.reconnect._network_changed in network_changes._listeners

    for end in (client.reconnect.opened, client.reconnect.stop, lambda: client.reconnect.failed(may_pass=False)):
        assert not listens()
        client.fail()
        assert listens()
        end()
    assert not listens()


def test_every_setting_is_one_of_the_same_group() -> None:
    settings = settings_of(ReconnectSettings)
    assert {setting.group for setting in settings.values()} == {"Reconnect"}
    assert all(name.startswith("reconnect_") for name in settings)
