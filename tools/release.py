"""What the release of a tag is: `release.py check v1.2.3` fails unless it can be made, `release.py notes v1.2.3` prints
what is new in it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import project
import report

USAGE = "usage: release.py check|notes TAG"


def notes(tag: str, root: Path = project.ROOT) -> str:
    """What is new in the release of a tag. Raises SetupError unless the tag is that of this version."""
    version = project.version(root)
    if tag != f"v{version}":
        raise report.SetupError(f"the tag {tag} is not v{version}, which pyproject.toml has: correct one of the two")
    found = project.news(version, root)
    if not found:
        raise report.SetupError(
            f'CHANGELOG.md has no section "## {version}": rename "## Unreleased", with the date behind'
        )
    return found


def main() -> int:
    """Check or print."""
    if len(sys.argv) != 3 or sys.argv[1] not in ("check", "notes"):
        raise report.SetupError(USAGE)
    found = notes(sys.argv[2])
    if sys.argv[1] == "notes":
        print(found)
    return 0


if __name__ == "__main__":
    report.run("release", main)
