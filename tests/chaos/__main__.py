"""The attacks at their full size: `python -m tests.chaos [arguments of pytest]`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ENV = {**os.environ, "CHAOS_SCALE": os.environ.get("CHAOS_SCALE", "6")}

sys.exit(subprocess.call([sys.executable, "-m", "pytest", str(Path(__file__).parent), *sys.argv[1:]], env=ENV))
