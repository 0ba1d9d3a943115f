/** The server's clock, from samples: when it was asked, what it said, and when that had arrived. */

import { now, numberIn } from "./wire.js";

const SAMPLES = 8;
// Seconds between two questions, and until one that was not answered is given up.
const INTERVAL = 5;
const GIVEN_UP = 1;
// How much faster or slower than ours it may be.
const DRIFT = 100e-6;

const usec = (seconds) => Math.round(seconds * 1e6);

export class Clock {
  #samples = [];
  #asked = null;
  #askedAt = -Infinity;
  #shown = 0;

  /** Whether to ask again. */
  get isDue() {
    return now() - this.#askedAt >= (this.#asked === null ? INTERVAL : GIVEN_UP);
  }

  /** Whether further samples are wanted soon. */
  get isNew() {
    return this.#samples.length < SAMPLES;
  }

  /** Of a message that asks its line and its payload, by which the server knows the way to here and back. */
  question() {
    this.#askedAt = now();
    this.#asked = usec(this.#askedAt);
    const last = this.#samples.at(-1);
    return [`${this.#asked}`, last === undefined ? "" : `${last.time} ${usec(this.#askedAt - last.arrived)}`];
  }

  /** The line of an answer, which has just come. Whether it is that to the last question. */
  answer(line) {
    const [asked, time] = line.split(" ").map(numberIn);
    if (asked !== this.#asked) return false; // It was given up.
    this.#asked = null;
    const arrived = now();
    const sample = { time, arrived, low: time / 1e6 - arrived, high: (time - asked) / 1e6 };
    this.#samples = [...this.#samples, sample].slice(-SAMPLES);
    // One of the clocks has jumped: a machine was asleep.
    if (this.#difference().error < 0) this.#samples = [sample];
    return true;
  }

  restart() {
    this.#samples = [];
    this.#asked = null;
    this.#askedAt = -Infinity;
    this.#shown = 0;
  }

  /** Seconds; 0 as long as nothing is known. It does not go back. */
  get time() {
    if (this.#samples.length === 0) return 0;
    return (this.#shown = Math.max(this.#shown, now() + this.#difference().seconds));
  }

  /** By how many seconds `time` may be off. */
  get error() {
    if (this.#samples.length === 0) return Infinity;
    const { seconds, error } = this.#difference();
    return error + Math.max(0, this.#shown - now() - seconds);
  }

  /** Seconds there and back: the shortest of the samples. */
  get roundTrip() {
    return this.#samples.length === 0 ? 0 : Math.min(...this.#samples.map(({ low, high }) => high - low));
  }

  /** The difference of the clocks: no sample lies outside of its two moments. */
  #difference() {
    const slack = ({ arrived }) => DRIFT * (now() - arrived);
    const low = Math.max(...this.#samples.map((sample) => sample.low - slack(sample)));
    const high = Math.min(...this.#samples.map((sample) => sample.high + slack(sample)));
    return { seconds: (low + high) / 2, error: (high - low) / 2 };
  }
}
