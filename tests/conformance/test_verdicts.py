"""What is read from wstest's report, and what passes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conformance.verdicts import Verdict, bad_ones, read_verdicts, table


def test_a_report_is_read_in_the_order_of_the_cases(tmp_path: Path) -> None:
    entry = {"behavior": "OK", "behaviorClose": "INFORMATIONAL", "duration": 1, "remoteCloseCode": 1000}
    index = tmp_path / "index.json"
    index.write_text(json.dumps({"server": {"10.1.1": entry, "9.10": entry, "9.2": entry}}))
    assert read_verdicts(index) == [Verdict(case, "OK", "INFORMATIONAL") for case in ("9.2", "9.10", "10.1.1")]


@pytest.mark.parametrize("bad", ["FAILED", "NON-STRICT", "UNCLEAN", "WRONG CODE", "UNIMPLEMENTED", "FAILED BY CLIENT"])
def test_only_ok_and_informational_pass(bad: str) -> None:
    good = [Verdict("1.1", "OK", "OK"), Verdict("1.2", "INFORMATIONAL", "OK"), Verdict("1.3", "OK", "INFORMATIONAL")]
    assert bad_ones([*good, Verdict("2.1", bad, "OK"), Verdict("2.2", "OK", bad)]) == [
        f"2.1: {bad}, closing: OK",
        f"2.2: OK, closing: {bad}",
    ]


def test_the_table_counts_sections_and_sides() -> None:
    server = [Verdict("1.1", "OK", "OK"), Verdict("1.2", "INFORMATIONAL", "OK"), Verdict("10.1", "OK", "OK")]
    client = [Verdict("1.1", "OK", "WRONG CODE"), Verdict("1.2", "OK", "OK"), Verdict("10.1", "OK", "OK")]
    rows = [
        [cell.strip() for cell in line.strip("|\n").split("|")]
        for line in table({"server": server, "client": client}).splitlines()
    ]
    assert rows[2:] == [
        ["1 Framing", "2", "1", "1", "0", "1", "0", "1"],
        ["10 Auto-fragmentation", "1", "1", "0", "0", "1", "0", "0"],
        ["All", "3", "2", "1", "0", "2", "0", "1"],
    ]
