"""With this, programs of the tests that are no tests, and all that these start, find ws_python."""

import sys

from tests.godot_process import ROOT

if str(ROOT / "python") not in sys.path:
    sys.path.insert(0, str(ROOT / "python"))
