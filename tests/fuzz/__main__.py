"""Fuzzing with coverage and AddressSanitizer: `make fuzz`, or `python -m tests.fuzz [options] [TARGET ...]`.

Each target is a module beside this one, whose `run(data)` reads from the input what to do, and asserts what holds
whatever the input is. `atheris`, which is fetched into build/fuzz, brings libFuzzer and AddressSanitizer. It mutates
inputs and keeps those that reach something new: in the codec's C (compiled once more for that by SCons' target `fuzz`,
see coverage.c), and in the Python of ours and of `websockets`.

What is reached goes to build/fuzz/corpus. What was found goes to build/fuzz/found, each as a file: copy it to
tests/fuzz/corpus/TARGET with a name that says what it is, and mend what it shows. tests/fuzz/test_corpus.py, a part of
`make test`, runs all that is in tests/fuzz/corpus.

options:
  --runs N      executions in all, shared out as in targets.py; 10,000,000 if not given
  --write       write what came of it into docs/reliability.md
  --minimise    no fuzzing: replace in tests/fuzz/corpus what has libFuzzer's names by the fewest inputs that reach all
                that build/fuzz/corpus does
  --repeat FILE run one input of one target, with AddressSanitizer
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tests import reliability
from tests.fuzz.targets import BUILD, CORPUS, FOUND, HERE, ROOT, TARGETS

TITLE = "Inputs made by coverage"
TEXT = """
libFuzzer with AddressSanitizer: each execution reads from an input what to do, and asserts what holds whatever that
is (`tests/fuzz`). What is covered are edges of the codec's C, and of the Python of ours and of `websockets`; the
corpus is what reaches something that nothing else does. The committed part of it, and each finding that there ever
was, runs in `make test`.
"""
SITE = BUILD / "site"
REACHED = BUILD / "corpus"
REQUIREMENTS = HERE / "requirements.lock"
# Executions of one process: all begin with what the others reached.
AT_ONCE = 100_000
OPTIONS = (
    # More to say takes longer, and reaches nothing new.
    "-max_len=512",
    # s, and MB. What takes longer, or more, is a finding.
    "-timeout=30",
    "-rss_limit_mb=2048",
    "-print_final_stats=1",
)
ADDRESS_SANITIZER = (
    # Python leaves much to the end of the process.
    "detect_leaks=0",
    # What gcc says of globals, clang's runtime takes for two of one name.
    "detect_odr_violation=0",
    # As without it: a MemoryError.
    "allocator_may_return_null=1",
    # Half the time goes into these otherwise.
    "malloc_context_size=0",
    "quarantine_size_mb=16",
    "max_malloc_fill_size=0",
)
HASH = re.compile(r"[0-9a-f]{40}")  # How libFuzzer names a file.


def progress(text: str) -> None:
    """Print one line now."""
    print(f"fuzz: {text}", flush=True)


def fetch_atheris() -> None:
    """Install it below build/fuzz, unless it is there."""
    stamp = SITE / "ready"
    if stamp.exists() and stamp.read_text() == REQUIREMENTS.read_text():
        return
    progress("installing atheris in build/fuzz (35 MB, once) ...")
    shutil.rmtree(SITE, ignore_errors=True)
    options = ["--no-cache-dir", "--no-deps", "--disable-pip-version-check", "--no-input", "--quiet"]
    only = ["--only-binary", ":all:", "--require-hashes", "--target", str(SITE), "-r", str(REQUIREMENTS)]
    done = subprocess.run([sys.executable, "-m", "pip", "install", *options, *only], capture_output=True, text=True)
    if done.returncode:
        error = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        sys.exit(f"fuzz: error: pip could not install atheris, which is there for Linux on x86-64 only [{error}]")
    stamp.write_text(REQUIREMENTS.read_text())


def engine(target: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run libFuzzer over a target."""
    environment = {
        **os.environ,
        "LD_PRELOAD": str(SITE / "asan_with_fuzzer.so"),
        "ASAN_OPTIONS": ":".join(ADDRESS_SANITIZER),
        # With malloc each object is a block of its own, with what must not be touched around it.
        "PYTHONMALLOC": "malloc" if TARGETS[target].is_compiled else "pymalloc",
        "PYTHONPATH": os.pathsep.join(map(str, (BUILD, ROOT, SITE))),
        "PYTHONHASHSEED": "0",
    }
    command = [sys.executable, "-m", "tests.fuzz.engine", target, *arguments]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


def number(pattern: str, text: str) -> int:
    """The last number that stands behind the pattern; 0 if there is none."""
    found = re.findall(pattern + r"\s*(\d+)", text)
    return int(found[-1]) if found else 0


class Share:
    """The executions of one target, and what came of them."""

    def __init__(self, target: str, runs: int) -> None:
        self.target = target
        self.runs = runs
        self.executed = 0
        self.seconds = 0.0
        self.covered = 0
        self.findings: list[str] = []

    def fuzz(self, runs: int) -> None:
        """Some of the executions. An input that fails ends a process, and the next one goes on."""
        reached = REACHED / self.target
        reached.mkdir(parents=True, exist_ok=True)
        prefix = f"-artifact_prefix={FOUND}/{self.target}-"
        words = TARGETS[self.target].words
        options = [*OPTIONS, prefix, f"-runs={runs}", *([f"-dict={HERE / words}"] if words else [])]
        began = time.monotonic()
        done = engine(self.target, *options, str(reached), str(CORPUS / self.target))
        self.seconds += time.monotonic() - began
        self.executed += number("stat::number_of_executed_units:", done.stdout)
        self.covered = max(self.covered, number(r"\bcov:", done.stdout))
        if done.returncode:
            self.findings += re.findall(r"Test unit written to (\S+)", done.stdout) or [f"exit code {done.returncode}"]
            (FOUND / f"{self.target}.log").write_text(done.stdout)
        progress(f"{self.target}: {self.executed:,} executions of {self.runs:,}, {len(self.findings)} findings")


def rows(shares: list[Share]) -> list[list[str]]:
    """What came of it, as a table."""
    found = [["target", "executions", "a second", "covered", "corpus", "findings"]]
    for share in shares:
        size = len(list((REACHED / share.target).iterdir()))
        numbers = (share.executed, round(share.executed / max(share.seconds, 0.001)), share.covered, size)
        found.append([share.target, *(f"{number:,}" for number in numbers), str(len(share.findings))])
    return found


def fuzz(targets: list[str], runs: int, *, write: bool = False) -> int:
    """Fuzz them, with as many processes as there are processors. 1 if something was found."""
    machine = reliability.Machine()
    FOUND.mkdir(parents=True, exist_ok=True)
    whole = sum(target.runs for target in TARGETS.values())
    shares = [Share(target, TARGETS[target].runs * runs // whole) for target in targets]
    began = time.monotonic()
    # A bit of each target in turn.
    parts = [
        (share, min(AT_ONCE, share.runs - start))
        for start in range(0, max(share.runs for share in shares), AT_ONCE)
        for share in shares
        if start < share.runs
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(lambda part: part[0].fuzz(part[1]), parts):
            pass
    table = rows(shares)
    for row in table:
        print(f"{row[0]:<12}" + "".join(f"{cell:>12}" for cell in row[1:]))
    if write:
        measured = reliability.Measured(table, machine.busy(), time.monotonic() - began)
        reliability.keep("fuzz", reliability.section("fuzz", sys.modules[__name__], measured))
        reliability.write()
    executed = sum(share.executed for share in shares)
    print(f"{executed:,} executions in {(time.monotonic() - began) / 60:.0f} minutes")
    for share in shares:
        for finding in share.findings:
            print(f"found: {share.target}: {finding}: python -m tests.fuzz --repeat FILE {share.target}")
    return 1 if any(share.findings for share in shares) else 0


def minimise(targets: list[str]) -> int:
    """Make the committed corpus anew of what was reached."""
    for target in targets:
        fresh = BUILD / "minimal" / target
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        folders = [str(path) for path in (CORPUS / target, REACHED / target) if path.is_dir()]
        done = engine(target, "-merge=1", "-max_len=512", str(fresh), *folders)
        if done.returncode or not any(fresh.iterdir()):
            sys.stdout.write(done.stdout)
            return 1
        (CORPUS / target).mkdir(parents=True, exist_ok=True)
        for path in (CORPUS / target).iterdir():
            if HASH.fullmatch(path.name):
                path.unlink()
        named = {path.read_bytes() for path in (CORPUS / target).iterdir()}
        for path in fresh.iterdir():
            if path.read_bytes() not in named:
                shutil.copy(path, CORPUS / target)
        progress(f"{target}: {len(list((CORPUS / target).iterdir()))} inputs")
    return 0


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", usage=__doc__)
    parser.add_argument("--runs", type=int, default=sum(target.runs for target in TARGETS.values()))
    parser.add_argument("--minimise", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--repeat", metavar="FILE")
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], metavar="TARGET")
    options = parser.parse_args()
    fetch_atheris()
    targets = options.targets or list(TARGETS)
    if options.repeat:
        done = engine(targets[0], options.repeat)
        sys.stdout.write(done.stdout)
        return done.returncode
    return minimise(targets) if options.minimise else fuzz(targets, options.runs, write=options.write)


if __name__ == "__main__":
    sys.exit(main())
