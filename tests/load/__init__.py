"""Load: what the nodes stand, measured (`make load`)."""

import sys

from tests.godot_process import ROOT

# Also in the processes that these programs start.
if str(ROOT / "python") not in sys.path:
    sys.path.insert(0, str(ROOT / "python"))
