"""Chaos: hostile peers, and seeded runs through broken links (`make chaos`, `make soak`)."""

import tests.load  # noqa: F401  With it, the programs here find ws_python.
