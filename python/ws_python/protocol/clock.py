"""The other side's clock, sans-I/O: from samples to its time, its error, and a clock that never goes back.

A sample is three moments: when it was asked (our clock), the other side's time when it answered, and when the answer
had arrived (our clock). What happened in between took its time, so that each sample says for sure between what two
bounds the difference of the clocks lies. Those of several samples together are narrow: each bound comes from the sample
that had to wait least on that way.

An answer waits for nothing but the network, where its arrival is known and not only the frame in which it was read.
Then the difference is at most one round trip of the network above the bound that it gives, and the question may have
waited for a frame of the other side as long as it liked.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

#: The letter of the session layer: head "c_usec" asks, and "c_usec s_usec" answers. A question may have a payload,
#: which says when the last answer was given, and how long ago that arrived: "s_usec usec".
LETTER: Final = "t"
#: Samples that count, the newest.
SAMPLES: Final = 8
#: Samples without which nothing is said: one alone may have had bad luck.
NEEDED: Final = 4

# How much faster or slower than the other side's clock ours may be, and by how much the one that is shown is corrected.
_DRIFT = 100e-6
_SLEW = 0.005
# Seconds that are not slewed: the clock jumps ahead, or stands still. A machine was asleep.
_STEP = 0.25
_MOST_USEC = 2**53 - 1
_MOST_DIGITS = len(str(_MOST_USEC))


class ClockError(ValueError):
    """What the other side says of its clock is no time. The text says so in one line."""


class Sample(NamedTuple):
    """Seconds: of our clock, but `answered`, which is of the other side's."""

    asked: float
    answered: float
    arrived: float
    #: The shortest round trip of the network as the system knows it; 0 where it does not.
    round_trip: float = 0.0


def question(now: float) -> str:
    """The head of a sample that asks."""
    return str(_usec(now))


def answer(head: str, now: float) -> str:
    """The head of the answer to a sample that asks. Raises ClockError."""
    if not _is_usec(head):
        raise ClockError("a clock sample without its time")
    return f"{head} {_usec(now)}"


def answered(head: str) -> tuple[int, float]:
    """Of the head of an answer: which question, as question() gave it as a number, and the other side's time."""
    asked, _, time = head.partition(" ")
    if not _is_usec(asked) or not _is_usec(time):
        raise ClockError("the answer to a clock sample without its times")
    return int(asked), int(time) / 1e6


def last_answer(sample: Sample, now: float) -> str:
    """The payload of a question: what its receiver is to know of its last answer."""
    return f"{_usec(sample.answered)} {_usec(now - sample.arrived)}"


def round_trip(payload: str | bytes, answer: str, now: float) -> float:
    """Seconds from `answer`, the head of the last answer, to the question that has come with this payload `now`.

    The time for which the other side did not ask again is left out. 0 where it does not tell. Raises ClockError.
    """
    if not payload:
        return 0.0
    if not isinstance(payload, str):
        raise ClockError("a clock sample with bytes")
    before, _, ago = payload.partition(" ")
    if not _is_usec(before) or not _is_usec(ago):
        raise ClockError("a clock sample that does not say when the last answer came")
    if before != answer.partition(" ")[2]:
        return 0.0  # That answer is lost, or on its way.
    return max((_usec(now) - int(before) - int(ago)) / 1e6, 0.0)


def is_answer(head: str) -> bool:
    """Whether a sample answers, and does not ask."""
    return " " in head


def _usec(seconds: float) -> int:
    return round(seconds * 1e6)


def _is_usec(text: str) -> bool:
    return 0 < len(text) <= _MOST_DIGITS and text.isascii() and text.isdigit() and int(text) <= _MOST_USEC


class Clock:
    """The time of the other side, as far as samples tell, when there are as many as are `needed`."""

    def __init__(self, needed: int = NEEDED) -> None:
        self._needed = needed
        self._samples: deque[Sample] = deque(maxlen=SAMPLES)
        self._is_known = False
        # What is to be added to our clock, how far off that may be, and since when that grows.
        self._difference = self._error = self._since = 0.0
        # Of the clock that is shown: the last time that was given, and at what time of ours.
        self._shown: float | None = None
        self._shown_at = 0.0

    @property
    def is_known(self) -> bool:
        """Whether the time is known."""
        return self._is_known

    @property
    def samples(self) -> int:
        """How many samples count now."""
        return len(self._samples)

    def restart(self) -> None:
        """It is another clock from now on: forget this one."""
        self._samples.clear()
        self._is_known = False
        self._shown = None

    def add(self, sample: Sample) -> None:
        """Take a sample. One that contradicts itself is left out.

        Where it contradicts those before it, one of the clocks has jumped: they are forgotten.
        """
        if sample.arrived < sample.asked:
            return
        if self._samples and not self._agrees(sample):
            self._samples.clear()
            self._error = float("inf")
        self._samples.append(sample)
        if len(self._samples) >= self._needed:
            self._combine(sample.arrived)
            self._is_known = True

    def _agrees(self, sample: Sample) -> bool:
        """Whether one difference of the clocks fits to a sample and to those before it."""
        low = max(_low(other) - _slack(other, sample.arrived) for other in self._samples)
        high = min(_high(other) + _slack(other, sample.arrived) for other in self._samples)
        return _low(sample) <= high and _high(sample) >= low

    def _combine(self, now: float) -> None:
        # An arrival that was seen late makes its bound lower and never higher: the highest one is the best.
        best = max(self._samples, key=lambda sample: _low(sample) - _slack(sample, now))
        width = min(_high(sample) + _slack(sample, now) for sample in self._samples) - _low(best)
        if networks := [sample.round_trip for sample in self._samples if sample.round_trip > 0.0]:
            width = min(width, *networks)
        width = max(width, 0.0)
        self._difference = _low(best) + width / 2.0
        self._error = width / 2.0 + _slack(best, now)
        self._since = now

    def time(self, now: float) -> float:
        """The other side's time at `now` of ours. It never goes back; 0 where nothing is known."""
        if not self._is_known:
            return 0.0
        target = now + self._difference
        if self._shown is None:
            self._shown = target
        else:
            self._shown = self._slewed(target, now - self._shown_at)
        self._shown_at = now
        return self._shown

    def _slewed(self, target: float, passed: float) -> float:
        assert self._shown is not None
        passed = max(passed, 0.0)
        ahead = target - self._shown - passed
        if ahead > _STEP:
            return target
        if ahead < -_STEP:
            return max(self._shown, min(self._shown + passed, target))
        most = _SLEW * passed
        return self._shown + passed + min(max(ahead, -most), most)

    def error(self, now: float) -> float:
        """How far off time() may be, in seconds, at the most; infinite where nothing is known."""
        if not self._is_known:
            return float("inf")
        target = now + self._difference
        shown_off = 0.0 if self._shown is None else abs(self._slewed(target, now - self._shown_at) - target)
        return self._error + _DRIFT * max(now - self._since, 0.0) + shown_off


def _low(sample: Sample) -> float:
    """The difference of the clocks is not less: the answer did not arrive before it was sent."""
    return sample.answered - sample.arrived


def _high(sample: Sample) -> float:
    """The difference of the clocks is not more: the answer was not sent before it was asked for."""
    return sample.answered - sample.asked


def _slack(sample: Sample, now: float) -> float:
    """How far the clocks may have drifted apart since."""
    return _DRIFT * max(now - sample.arrived, 0.0)
