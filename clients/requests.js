/** Requests over the session layer: both ends ask, and each is answered once, or fails with a reason. */

import { decode, encode, numberIn, pack } from "./wire.js";

const MOST_WAITING = 4096;
const MOST_HANDLED = 64;
const LONGEST_REASON = 1024;
const METHOD = /^[\x21-\x7e]{1,128}$/;

/** Numbers of Godot's `Error` that requests fail with. */
export const ErrorCode = Object.freeze({
  FAILED: 1,
  ERR_UNAVAILABLE: 2,
  ERR_OUT_OF_MEMORY: 6,
  ERR_TIMEOUT: 24,
  ERR_CONNECTION_ERROR: 27,
  ERR_INVALID_DATA: 30,
  ERR_INVALID_PARAMETER: 31,
  ERR_METHOD_NOT_FOUND: 37,
  ERR_SCRIPT_FAILED: 39,
  ERR_BUSY: 44,
  ERR_SKIP: 45,
});

const REASONS = {
  [ErrorCode.ERR_UNAVAILABLE]: "the server has no sessions: set its session_timeout",
  [ErrorCode.ERR_OUT_OF_MEMORY]: "it is longer than bufferSize: raise it, or send less",
  [ErrorCode.ERR_TIMEOUT]: "no reply came in time",
  [ErrorCode.ERR_CONNECTION_ERROR]: "there is no connection",
  [ErrorCode.ERR_INVALID_PARAMETER]: "a method is a name of 1 to 128 characters of ASCII, without spaces",
  [ErrorCode.ERR_BUSY]: "there is no room to send it: wait for replies, or for drained",
  [ErrorCode.ERR_SKIP]: "it was cancelled",
};

/** Why a request has failed: `code` is a number of Godot's `Error`. A handler that throws one answers with it. */
export class SessionError extends Error {
  constructor(code, message = REASONS[code] ?? "") {
    super(message);
    this.name = "SessionError";
    this.code = code;
  }
}

export class Requests {
  #send;
  #handlers = new Map();
  // How many were asked and heard, who waits for a reply, and numbers of those that are being handled.
  #asked = 0;
  #heard = 0;
  #waiting = new Map();
  #handled = new Set();

  /** `send` puts a message of the layer's on its way, with `isSmall` in any case: an ErrorCode, 0 where it did. */
  constructor(send) {
    this.#send = send;
  }

  async ask(method, data, timeout, signal) {
    if (!METHOD.test(method)) throw new SessionError(ErrorCode.ERR_INVALID_PARAMETER);
    if (signal?.aborted) throw new SessionError(ErrorCode.ERR_SKIP);
    if (this.#waiting.size >= MOST_WAITING) throw new SessionError(ErrorCode.ERR_BUSY);
    const id = this.#asked + 1;
    const problem = this.#send(pack("q", `${id} ${method}`, encode(data)));
    if (problem) throw new SessionError(problem);
    this.#asked = id;
    const giveUp = (code) => {
      this.#send(pack("k", `${id}`), true);
      this.#take(id)?.reject(new SessionError(code));
    };
    const cancel = () => giveUp(ErrorCode.ERR_SKIP);
    const timer = setTimeout(giveUp, timeout * 1000, ErrorCode.ERR_TIMEOUT);
    signal?.addEventListener("abort", cancel);
    const stop = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
    };
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject, stop }));
  }

  handle(method, handler) {
    if (!METHOD.test(method)) throw new TypeError(REASONS[ErrorCode.ERR_INVALID_PARAMETER]);
    if (handler !== null && typeof handler !== "function") throw new TypeError("the handler must be a function");
    this.#handlers.set(method, handler);
  }

  /** A message of the layer's came; of those that are about no request, nothing is known. */
  hear(letter, line, payload) {
    if (!"qrxk".includes(letter)) return;
    const [id, rest] = line.split(/ (.*)/);
    const number = numberIn(id);
    if (letter === "k") this.#handled.delete(number);
    else if (letter === "q") {
      if (number <= this.#heard) throw new SyntaxError("a request whose number does not count up");
      this.#heard = number;
      this.#answer(number, rest ?? "", payload);
    } else if (number > this.#asked) throw new SyntaxError("an answer to a request that was never made");
    else this.#answered(this.#take(number), letter === "x" ? rest : null, payload);
  }

  /** The session is over: nobody is answered any more. */
  end(error) {
    for (const id of [...this.#waiting.keys()]) this.#take(id).reject(error);
    this.#handled = new Set();
    this.#asked = this.#heard = 0;
  }

  #take(id) {
    const waiting = this.#waiting.get(id);
    waiting?.stop();
    this.#waiting.delete(id);
    return waiting;
  }

  #answered(waiting, code, payload) {
    if (code !== null) return waiting?.reject(new SessionError(Number(code) || ErrorCode.FAILED, typeof payload === "string" ? payload : ""));
    try {
      waiting?.resolve(decode(payload));
    } catch {
      waiting.reject(new SessionError(ErrorCode.ERR_INVALID_DATA, "the reply is no JSON"));
    }
  }

  async #answer(number, method, payload) {
    const handled = this.#handled;
    const isBusy = handled.size >= MOST_HANDLED;
    if (!isBusy) handled.add(number);
    const isWanted = () => handled === this.#handled && (isBusy || handled.has(number));
    const refusal = ({ code, message }) => pack("x", `${number} ${code}`, message.slice(0, LONGEST_REASON));
    let wire;
    try {
      if (isBusy) throw new SessionError(ErrorCode.ERR_BUSY, "too many requests are being handled");
      // Before the first await: handlers are called in the order in which requests and messages came.
      wire = pack("r", `${number}`, await this.#handle(method, payload));
    } catch (problem) {
      wire = refusal(problem);
    }
    for (let problem; isWanted() && (problem = this.#send(wire)); ) {
      if (problem === ErrorCode.ERR_OUT_OF_MEMORY) wire = refusal({ code: problem, message: "the reply is longer than what this side can send" });
      else if (problem !== ErrorCode.ERR_BUSY) break;
      else await new Promise((resolve) => setTimeout(resolve, 50));
    }
    handled.delete(number);
  }

  /** The reply to a request, as payload. Throws SessionError. */
  async #handle(method, payload) {
    const handler = this.#handlers.get(method) ?? null;
    if (handler === null) throw new SessionError(ErrorCode.ERR_METHOD_NOT_FOUND, `nobody handles "${method}"`);
    let data;
    try {
      data = decode(payload);
    } catch {
      throw new SessionError(ErrorCode.ERR_INVALID_DATA, "the data of the request is no JSON");
    }
    try {
      return encode(await handler(data));
    } catch (problem) {
      if (problem instanceof SessionError) throw problem;
      console.error(`the handler of "${method}" failed:`, problem);
      throw new SessionError(ErrorCode.ERR_SCRIPT_FAILED, "the handler failed");
    }
  }
}
