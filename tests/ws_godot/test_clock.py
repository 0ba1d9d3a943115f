"""The server's clock at a client, in two processes whose frames have nothing to do with each other."""

from __future__ import annotations

import re

from tests.godot_process import GodotProcess, assert_clean_log

SCRIPT = ("--script", "res://tests/ws_godot/clock.gd", "--")
RIGHT = r"at (\d+) fps: right 60, worst 0\.000\d+, error 0\.000\d+, back 0,"


def test_the_clock_is_right_at_any_frame_rate() -> None:
    with GodotProcess([*SCRIPT, "server"]) as server:
        port = server.wait_for(r"listens (\d+)")[1]
        with GodotProcess([*SCRIPT, "client", port]) as client:
            assert client.wait(170) == 0
            assert server.wait() == 0
        assert_clean_log(server.log)
        assert_clean_log(client.log)
    print(client.log)
    assert re.findall(RIGHT, client.log) == ["30", "60", "144"], client.log
    assert client.log.count("unknown 0.0 inf") == 3
