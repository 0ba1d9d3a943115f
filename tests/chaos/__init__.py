"""Chaos: hostile peers, and seeded runs through broken links (`make chaos`, `make soak`)."""

from tests import python_path as python_path
