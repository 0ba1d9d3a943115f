"""The Chromium that tests use: the one that $CHROMIUM names, or one that is on PATH."""

from __future__ import annotations

import os
import shutil

import pytest

NAMES = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome", "google-chrome-stable")
# For each start.
ARGUMENTS = (
    "--no-sandbox",  # As root it does not start otherwise; and nothing strange is visited.
    "--disable-background-networking",
    "--no-first-run",
    "--remote-debugging-port=0",
)
# Names beyond this machine are not found.
ONLY_HERE = "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1, EXCLUDE localhost"
# A browser that starts on a busy machine takes its time.
DEADLINE = 90.0


def find() -> str:
    """Its path; a test that needs one is skipped where there is none."""
    named = os.environ.get("CHROMIUM")
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(
            f"{named or 'Chromium'} is missing: put it on PATH, or name it in $CHROMIUM, to test with a browser"
        )
    return found
