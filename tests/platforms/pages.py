"""Games that are exported for the web, served, and opened in a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.platforms import games
from tests.platforms.browser import Browser, Tab, site


class Page:
    """A game that is served, and opened in a browser with arguments."""

    def __init__(self, folder: Path, url: str, browser: Browser) -> None:
        self._folder = folder
        self._url = url
        self._browser = browser
        self._opened = 0

    def open(self, *arguments: str) -> Tab:
        """A tab in which the game starts; the arguments are the user's, as behind `--` on a command line."""
        text = (self._folder / "index.html").read_text()
        with_arguments, count = re.subn(r'"args":\[\]', lambda _: f'"args":{json.dumps(["--", *arguments])}', text)
        assert count == 1
        self._opened += 1
        (self._folder / f"{self._opened}.html").write_text(with_arguments)
        return self._browser.open(f"{self._url}/{self._opened}.html")


@contextmanager
def web_page(project: Path, folder: Path, browser: Browser) -> Iterator[Page]:
    """Export the project for the web into the folder, and serve it."""
    games.export(project, "Web", folder / "index.html")
    with site(folder) as url:
        yield Page(folder, url, browser)
