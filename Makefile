# Bootstraps .venv, then calls SCons (which builds and knows what is stale) or pytest. `make help` lists the targets.
PYTHON ?= python3
# The Python that made .venv stays, unless one is asked for.
KEEP := $(if $(filter file default undefined,$(origin PYTHON)),--keep)
VENV := .venv/bin/python
SCONS := $(VENV) -m SCons -Q

.DEFAULT_GOAL := help
.PHONY: help setup demo test build install package wheels editor lint format bench load chaos soak fuzz conformance platforms clean distclean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup:
	@command -v "$(PYTHON)" >/dev/null || { echo "setup: error: no $(PYTHON): install Python 3.11 or newer, or set PYTHON" >&2; exit 1; }
	@"$(PYTHON)" tools/bootstrap.py $(KEEP)

build: setup ## build the addon: the bridge, the codec, and the Python runtime that a game ships
	@$(SCONS)

install: build ## put the addon into a project and enable its plugin: make install PROJECT=/path/to/the/project
	@$(VENV) tools/install.py "$$PROJECT"

package: build ## pack the addon for all platforms: dist/ws_python-VERSION.zip
	@$(SCONS) -j$$(nproc) platforms
	@$(VENV) tools/package.py

wheels: build ## build the Python package for all platforms: the source and the wheels in dist/
	@$(SCONS) platforms
	@$(VENV) tools/wheels.py

demo: build ## run the demo: a server and a client in Godot, and a client from outside, compare every message
	@$(VENV) demo/run_demo.py

test: lint ## build, lint and run every test
	@$(VENV) -m pytest --numprocesses 3 --dist worksteal

editor: build ## open this project in the Godot editor
	@tools/godot --editor --path .

lint: build ## check Python with ruff and mypy, GDScript with gdlint and gdformat, workflows with zizmor
	@$(VENV) tools/lint.py

format: setup ## format Python with ruff, GDScript with gdformat
	@$(VENV) tools/lint.py --fix

bench: build ## measure against the engine's own WebSocketPeer and others
	@$(VENV) -m tests.bench

load: build ## measure what the nodes stand: crowds, floods, stalls, threads, recovery (half an hour)
	@$(VENV) -m tests.load

chaos: build ## run the tests of hostile peers at six times their size, and 1,000 seeded runs through broken links
	@CHAOS_SCALE=6 $(VENV) -m pytest tests/chaos
	@$(VENV) -m tests.chaos

soak: build ## two games on a bad link, for make soak HOURS=8: what grows, and what comes late
	@$(VENV) -m tests.chaos.soak --hours $(or $(HOURS),8)

fuzz: build ## run 10 million inputs made by coverage through codec and handshake, with AddressSanitizer (hours)
	@$(SCONS) fuzz
	@$(VENV) -m tests.fuzz

conformance: build ## run the whole Autobahn test suite
	@$(VENV) -m tests.conformance

platforms: build ## cross-compile for every platform, and run the tests of that (slow; needs qemu and Wine)
	@$(SCONS) -j$$(nproc) platforms
	@$(VENV) -m pytest -m platforms tests/platforms tests/clients

clean: ## remove what was built (not .venv, not the fetched engine)
	@rm -rf build dist .godot addons/ws_python/bin addons/ws_python/lib .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@rm -f python/pythonscript/engine/_api.py python/pythonscript/godot.pyi
	@find python -name '*.so' -delete
	@rm -rf python/ws_python.egg-info

distclean: clean ## remove the .venv and the fetched engine too
	@rm -rf .venv .engine
