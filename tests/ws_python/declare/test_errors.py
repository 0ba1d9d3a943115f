"""Tests of ws_python.errors."""

from __future__ import annotations

import errno
import os

import pytest
from ws_python.declare.errors import Error, explain_bind_error


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.EADDRINUSE, Error.ERR_ALREADY_IN_USE),
        (errno.EACCES, Error.ERR_ALREADY_IN_USE if os.name == "nt" else Error.ERR_UNAUTHORIZED),
        (errno.EADDRNOTAVAIL, Error.ERR_INVALID_PARAMETER),
        (errno.EMFILE, Error.ERR_CANT_CREATE),
    ],
)
def test_bind_errors_become_error_codes_with_advice(number: int, code: Error) -> None:
    found, advice = explain_bind_error(OSError(number, "text"))
    assert found == code
    assert advice
    assert "\n" not in advice
