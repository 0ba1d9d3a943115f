"""Programs of this folder in a page of Chromium."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests import chromium
from tests.clients.node_player import HERE
from tests.godot_process import ROOT
from tests.platforms.browser import Browser, Tab, site

_PAGE = """<!doctype html><meta charset="utf-8"><title>A client</title><script type="module">
import { SessionClient, SessionError } from "./session.js";
import { run } from "./%(program)s.mjs";
const tell = (problem) => console.log(`FAILED ${problem.stack}`);
run({ SessionClient, SessionError, options: {} }, %(values)s).catch(tell);
</script>
"""


class BrowserPlayer:
    """A browser with that page. A context manager."""

    def __init__(self, program: str, values: dict[str, Any]) -> None:
        self._stack = ExitStack()
        with self._stack:
            found = chromium.find()
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="page-")))
            for module in (ROOT / "clients").glob("*.js"):
                shutil.copy(module, folder)
            shutil.copy(HERE / f"{program}.mjs", folder)
            (folder / "index.html").write_text(_PAGE % {"program": program, "values": json.dumps(values)})
            pages = self._stack.enter_context(site(folder))
            browser = self._stack.enter_context(Browser(found))
            self.tab: Tab = browser.open(f"{pages}/index.html")
            self._stack = self._stack.pop_all()

    def poll(self) -> None:
        """Fail where the page has failed."""
        assert not re.search(r"^(FAILED|EXCEPTION)", self.tab.log, re.MULTILINE), self.tab.log

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            error.add_note(f"the page said:\n{self.tab.log}")
        self._stack.close()
