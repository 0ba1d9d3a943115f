"""Load: what the nodes stand, measured (`make load`)."""

from tests import python_path as python_path
