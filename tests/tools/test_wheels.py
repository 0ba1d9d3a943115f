"""Tests of tools/wheels.py that need nothing compiled: what wheels are called, and that a wrong name is found."""

from __future__ import annotations

from pathlib import Path

import platforms
import pytest
import report
import wheels
from packaging.tags import mac_platforms

TAGS = {
    "x86_64-linux-gnu.2.28": "manylinux_2_28_x86_64",
    "aarch64-linux-gnu.2.17": "manylinux_2_17_aarch64",
    "x86_64-windows-gnu": "win_amd64",
    "x86_64-macos.11.0": "macosx_11_0_x86_64",
    "aarch64-macos.11.0": "macosx_11_0_arm64",
}


@pytest.mark.parametrize("target", TAGS)
def test_the_tag_of_a_target(target: str) -> None:
    assert wheels.tag_of(target) == TAGS[target]


def test_pip_takes_those_of_macos() -> None:
    tags = [*mac_platforms((14, 0), "arm64"), *mac_platforms((14, 0), "x86_64")]
    targets = [target for platform in platforms.ALL for target in platform.targets if "macos" in target]
    assert targets and {wheels.tag_of(target) for target in targets} <= {*tags}


@pytest.mark.parametrize(
    ("needs", "promises", "fits"), [("2_28", "2_28", True), ("2_17", "2_28", True), ("2_34", "2_28", False)]
)
def test_a_wheel_that_needs_a_newer_glibc(
    monkeypatch: pytest.MonkeyPatch, needs: str, promises: str, fits: bool
) -> None:
    said = f'x is consistent with the\nfollowing platform tag:\n"manylinux_{needs}_x86_64".\n'
    monkeypatch.setattr(wheels, "run_tool", lambda *_: said)
    wheel = Path(f"ws_python-0.1.0-cp311-cp311-manylinux_{promises}_x86_64.whl")
    if fits:
        wheels.check_manylinux(wheel)
    else:
        with pytest.raises(report.SetupError, match="newer Linux"):
            wheels.check_manylinux(wheel)
