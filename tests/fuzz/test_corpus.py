"""The corpus of the fuzzer, in plain Python: what it once reached, and all that it once found."""

from __future__ import annotations

import importlib

import pytest

from tests.fuzz.targets import CORPUS, TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_corpus(target: str) -> None:
    run = importlib.import_module(f"tests.fuzz.{target}").run
    inputs = sorted((CORPUS / target).iterdir())
    assert inputs
    for path in inputs:
        try:
            run(path.read_bytes())
        except Exception as error:
            error.add_note(f"the input: {path}")
            raise


def test_there_is_a_corpus_for_each_target_and_no_other() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
