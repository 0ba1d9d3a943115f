/** Sessions, requests and the server's clock for a browser or Node: docs/sessions.md has what is on the wire. */

const SUBPROTOCOL = "session1.ws-python";
const DLE = 0x10;
// What a kept message is counted with beside its own length, as the server does.
const KEPT_OVERHEAD = 64;
const LONGEST_LINE = 1024;
const MOST_WAITING = 4096;
const MOST_HANDLED = 64;
const CLOCK_SAMPLES = 8;
const CLOCK_INTERVAL = 5;
// Seconds without a message of the server's, though it was asked for the time, until a connection counts as dead.
const MOST_SILENT = 10;
// A connection that held for so long has its delays begin anew.
const STABLE = 5;
// A connection that ends with one of these was cut; with any other one somebody has ended it (RFC 6455 section 7.4).
const CUT = new Set([1001, 1006, 1011, 1012, 1013]);
// Of those that an application may send: the other side breaks the rules of the layer.
const BREAKS_RULES = 4002;
const METHOD = /^[\x21-\x7e]{1,128}$/;
const NUMBER = /^\d{1,16}$/;

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

/** Why a request has failed: `code` is a number of Godot's `Error`. A handler that throws one answers with it. */
export class SessionError extends Error {
  constructor(code, message) {
    super(message);
    this.name = "SessionError";
    this.code = code;
  }
}

const now = () => performance.now() / 1000;
const isBinary = (data) => data instanceof ArrayBuffer || ArrayBuffer.isView(data);
const sizeOf = (data) => (typeof data === "string" ? data.length : data.byteLength);
const firstOf = (data) => (typeof data === "string" ? data.charCodeAt(0) : new Uint8Array(data, 0, Math.min(1, data.byteLength))[0]);

/** A copy of bytes, which whoever gave them may change. */
function copied(data) {
  const bytes = ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
  return bytes.slice().buffer;
}

/** ASCII, and then text or bytes. */
function joined(line, payload) {
  if (typeof payload === "string") return line + payload;
  const bytes = new Uint8Array(line.length + payload.byteLength);
  for (let i = 0; i < line.length; i++) bytes[i] = line.charCodeAt(i);
  bytes.set(new Uint8Array(payload), line.length);
  return bytes.buffer;
}

const pack = (letter, line, payload = "") => joined(`\x10${letter}${line}\n`, payload);

/** A message of the layer: its letter, its line and its payload. */
function unpack(data) {
  const isText = typeof data === "string";
  const start = isText ? data.slice(0, LONGEST_LINE + 3) : String.fromCharCode(...new Uint8Array(data).subarray(0, LONGEST_LINE + 3));
  const end = start.indexOf("\n");
  if (end < 2) throw new SyntaxError("a message of the session layer has no line before its payload");
  return { letter: start[1], line: start.slice(2, end), payload: data.slice(end + 1) };
}

const encode = (value) => (isBinary(value) ? copied(value) : (JSON.stringify(value) ?? "null"));
const decode = (payload) => (typeof payload !== "string" ? payload : payload === "" ? null : JSON.parse(payload));

/** What outlives a connection: what was sent and not acknowledged, what came, and who waits for which reply. */
class Session {
  token = "";
  timeout = 0;
  // Numbers of messages: sent, given to a connection, acknowledged by the server; received, and the server told so.
  sent = 0;
  written = 0;
  acknowledged = 0;
  received = 0;
  told = 0;
  toldAt = 0;
  kept = [];
  keptSize = 0;
  untold = 0;
  othersBuffer = Infinity;
  // Requests: of this end, and those of the server's that are being handled.
  asked = 0;
  heard = 0;
  waiting = new Map();
  handled = new Set();

  keep(wire) {
    this.sent += 1;
    this.kept.push(wire);
    this.keptSize += sizeOf(wire) + KEPT_OVERHEAD;
  }

  acknowledge(number) {
    if (!(number >= this.acknowledged && number <= this.written)) throw new RangeError(`message ${number} is acknowledged, of ${this.acknowledged} to ${this.written}`);
    for (const wire of this.kept.splice(0, number - this.acknowledged)) this.keptSize -= sizeOf(wire) + KEPT_OVERHEAD;
    this.acknowledged = number;
  }

  count(data) {
    this.received += 1;
    this.untold += sizeOf(data) + KEPT_OVERHEAD;
  }

  end(error) {
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    this.handled.clear();
    for (const { reject, stop } of waiting) {
      stop();
      reject(error);
    }
  }
}

/**
 * A client of a server with sessions, which connects at once. With any other server it is a plain WebSocket.
 *
 * Events: "open" (a session begins), "interrupted", "resumed", "drained" (after send() gave false), "message" (`data`:
 * a string or an ArrayBuffer), "value" (of the server's send_var()), and "close" (`code`, `reason`).
 */
export class SessionClient extends EventTarget {
  #url;
  #options;
  #handlers = new Map();
  #session;
  #socket = null;
  // "connecting", "greeted" (the server may turn out not to know the layer), "layered", "plain", "waiting", "closed"
  #phase = "connecting";
  #isLayerOffered = false;
  #isInterrupted = false;
  #isOpen = false;
  // close() was called; its arguments where it waits for what is held.
  #isClosing = false;
  #lastWords = null;
  #isAttached = false;
  #isFull = false;
  #hello = "";
  #peerId = 0;
  #until = 0;
  #attempts = 0;
  // In how many seconds the server asked to come back, before it closed.
  #askedDelay = null;
  #openedAt = 0;
  #timer = null;
  #ticking = null;
  #silence = 0;
  // Connections that are given up. Closing one would end the session as long as the server has not heard of the next.
  #left = [];
  #samples = [];
  #askedTime = null;
  #askedAt = 0;
  #shownTime = 0;

  constructor(url, options = {}) {
    super();
    this.#url = url;
    this.#options = {
      protocols: [],
      bufferSize: 4 * 2 ** 20,
      requestTimeout: 10,
      connectTimeout: 10,
      reconnectDelay: 1,
      reconnectDelayMax: 30,
      fallback: true,
      WebSocket: globalThis.WebSocket,
      ...options,
    };
    if (typeof this.#options.WebSocket !== "function") throw new TypeError("there is no WebSocket here: give one, such as that of npm's ws: new SessionClient(url, { WebSocket })");
    this.#session = new Session();
    this.#connect(true);
  }

  /** Whether messages are sent: not after close() or the event "close". */
  get isOpen() {
    return this.#isOpen && !this.#isClosing;
  }

  /** Whether there is a session; false as long as that is not known, and with a server that has none. */
  get hasSession() {
    return this.#session.token !== "";
  }

  /** What the server knows this client by; 0 as long as that is not known. */
  get peerId() {
    return this.#peerId;
  }

  /** The user's part of the subprotocol. */
  get protocol() {
    return (this.#socket?.protocol ?? "").replace(/(^|\+)session1\.ws-python$/, "");
  }

  /** What was sent and not acknowledged yet, in bytes. */
  get bufferedAmount() {
    return this.#phase === "plain" ? this.#socket.bufferedAmount : this.#session.keptSize;
  }

  /** The server's clock, in seconds; 0 as long as it is not known. It does not go back. */
  get serverTime() {
    if (this.#samples.length === 0) return 0;
    const best = this.#samples.reduce((one, other) => (other.trip < one.trip ? other : one));
    return (this.#shownTime = Math.max(this.#shownTime, now() + best.difference));
  }

  /** Send text or bytes. False: there is no room until "drained", or it is closed. */
  send(data) {
    if (!isBinary(data)) data = String(data);
    if (sizeOf(data) + KEPT_OVERHEAD >= this.#options.bufferSize) throw new RangeError("a message is longer than bufferSize: raise it, or send less");
    if (this.#phase === "plain" && !this.#isClosing) return this.#sendPlain(isBinary(data) ? copied(data) : data);
    const wire = isBinary(data) ? copied(data) : data;
    return this.#put(firstOf(wire) === DLE ? joined("\x10", wire) : wire);
  }

  /** Ask the server: a promise of its reply, which is rejected with a SessionError after `timeout` seconds at the latest. */
  request(method, data = null, timeout = this.#options.requestTimeout, signal = undefined) {
    return new Promise((resolve, reject) => {
      const session = this.#session;
      if (!METHOD.test(method)) throw new SessionError(ErrorCode.ERR_INVALID_PARAMETER, "a method is a name of 1 to 128 characters of ASCII, without spaces");
      if (signal?.aborted) throw new SessionError(ErrorCode.ERR_SKIP, "it was cancelled");
      if (this.#phase === "plain") throw new SessionError(ErrorCode.ERR_UNAVAILABLE, "the server has no sessions: set its session_timeout");
      if (this.#phase === "closed" || this.#isClosing) throw new SessionError(ErrorCode.ERR_CONNECTION_ERROR, "there is no connection");
      const wire = pack("q", `${session.asked + 1} ${method}`, encode(data));
      if (sizeOf(wire) + KEPT_OVERHEAD > this.#options.bufferSize) throw new SessionError(ErrorCode.ERR_OUT_OF_MEMORY, "it is longer than bufferSize: raise it, or send less");
      if (session.waiting.size >= MOST_WAITING || !this.#put(wire)) throw new SessionError(ErrorCode.ERR_BUSY, "there is no room to send it: wait for replies, or for drained");
      const id = (session.asked += 1);
      const giveUp = (code, message) => {
        if (!session.waiting.delete(id)) return;
        stop();
        if (session === this.#session) this.#put(pack("k", id), true);
        reject(new SessionError(code, message));
      };
      const cancel = () => giveUp(ErrorCode.ERR_SKIP, "it was cancelled");
      const timer = setTimeout(() => giveUp(ErrorCode.ERR_TIMEOUT, "no reply came in time"), timeout * 1000);
      const stop = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", cancel);
      };
      signal?.addEventListener("abort", cancel);
      session.waiting.set(id, { resolve, reject, stop });
    });
  }

  /** Have a function answer the server's requests for `method`: it gets their data, and may be async. null: nobody does. */
  handle(method, handler) {
    if (!METHOD.test(method)) throw new TypeError("a method is a name of 1 to 128 characters of ASCII, without spaces");
    if (handler === null) this.#handlers.delete(method);
    else if (typeof handler === "function") this.#handlers.set(method, handler);
    else throw new TypeError("the handler must be a function");
  }

  /** End the session. What was sent still leaves, unless the connection breaks meanwhile. */
  close(code = 1000, reason = "") {
    if (this.#phase === "closed" || this.#isClosing) return;
    if (this.#isInterrupted || this.#phase === "connecting") {
      this.#socket?.close(code, reason);
      this.#end(1006, "closed while there was no connection");
    } else if (this.#phase === "greeted" && this.#session.written < this.#session.sent) {
      this.#isClosing = true;
      this.#lastWords = [code, reason];
      this.#timer = setTimeout(() => this.#socket.close(code, reason), this.#options.connectTimeout * 1000);
    } else {
      this.#socket.close(code, reason);
      this.#isClosing = true;
    }
  }

  // --- connections

  #connect(withLayer) {
    const { protocols, connectTimeout, WebSocket } = this.#options;
    const layered = protocols.length ? protocols.map((name) => `${name}+${SUBPROTOCOL}`) : [SUBPROTOCOL];
    this.#isLayerOffered = withLayer;
    this.#phase = "connecting";
    const socket = new WebSocket(this.#url, withLayer ? [...layered, ...protocols] : protocols);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    const on = (name, listener) => socket.addEventListener(name, (event) => socket === this.#socket && listener(event));
    on("open", () => this.#opened());
    on("message", ({ data }) => this.#received(data));
    on("close", (event) => this.#cut(event.code, event.reason));
    // Some say no more than that of an attempt that failed.
    on("error", () => this.#phase === "connecting" && this.#cut(1006, "the server cannot be reached"));
    socket.addEventListener("error", () => {}); // npm's ws throws what nobody listens for.
    this.#timer = setTimeout(() => this.#giveUp(), connectTimeout * 1000);
  }

  #opened() {
    const session = this.#session;
    if (!this.#socket.protocol.endsWith(SUBPROTOCOL)) return this.#goPlain();
    this.#phase = "greeted";
    const greeting = { v: 1, buffer: this.#options.bufferSize };
    if (this.#isInterrupted) Object.assign(greeting, { resume: session.token, received: session.received });
    this.#hello = pack("h", JSON.stringify(greeting));
    this.#socket.send(this.#hello);
    if (this.#isInterrupted) return; // The server is to answer in time.
    // A session that is new begins at once: where the server does not know the layer, nothing is different.
    clearTimeout(this.#timer);
    this.#isAttached = true;
    this.#flush();
    this.#tellOpen();
  }

  #giveUp() {
    const socket = this.#socket;
    if (socket.readyState === 0) socket.close();
    else this.#left.push(socket);
    this.#cut(1006, "the server does not answer");
  }

  #cut(code, reason) {
    clearTimeout(this.#timer);
    clearInterval(this.#ticking);
    const before = this.#phase;
    this.#socket = null;
    this.#isAttached = false;
    this.#phase = "waiting";
    if (this.#isClosing) return this.#end(code, reason);
    if (this.#isInterrupted || (before === "layered" && CUT.has(code))) {
      if (!this.#isInterrupted) {
        this.#isInterrupted = true;
        this.#until = now() + this.#session.timeout;
        if (now() - this.#openedAt > STABLE) this.#attempts = 0;
        this.#tell("interrupted");
      }
      if (this.#phase === "closed") return;
      if (now() >= this.#until) return this.#end(code, reason);
      const { reconnectDelay, reconnectDelayMax } = this.#options;
      const asked = this.#askedDelay;
      this.#askedDelay = null;
      if (asked !== null) this.#until = Math.max(this.#until, now() + asked + 1);
      const delay = asked ?? Math.min(reconnectDelay * 2 ** this.#attempts++, reconnectDelayMax) * (0.5 + Math.random() / 2);
      this.#timer = setTimeout(() => this.#connect(true), Math.min(delay, this.#until - now()) * 1000);
    } else if (before === "connecting" && this.#isLayerOffered && this.#options.fallback && this.#options.protocols.length === 0) {
      // Browsers refuse a server that agrees to nothing they offer, and do not tell that from one that is not there.
      this.#connect(false);
    } else {
      this.#end(code, reason);
    }
  }

  #end(code, reason) {
    clearTimeout(this.#timer);
    clearInterval(this.#ticking);
    for (const socket of this.#left.splice(0)) socket.close();
    this.#socket = null;
    this.#phase = "closed";
    this.#isInterrupted = this.#isAttached = false;
    this.#lose(code, reason);
  }

  /** The session is over. What comes next is another one. */
  #lose(code, reason) {
    const session = this.#session;
    this.#session = new Session();
    this.#isInterrupted = this.#isOpen = this.#isFull = false;
    this.#peerId = this.#shownTime = 0;
    this.#samples = [];
    session.end(new SessionError(ErrorCode.ERR_CONNECTION_ERROR, "the session has ended before the reply came"));
    this.#tell("close", { code, reason });
  }

  // --- in

  #received(data) {
    this.#silence = 0;
    if (this.#phase === "plain") return this.#tell("message", { data });
    if (this.#isClosing && this.#phase !== "greeted") return;
    try {
      if (this.#phase === "greeted") this.#decide(data);
      else if (firstOf(data) !== DLE) this.#count(data, () => this.#tell("message", { data }));
      else this.#receivedEscaped(data);
    } catch (problem) {
      if (!(problem instanceof SyntaxError || problem instanceof RangeError)) throw problem;
      this.#socket?.close(BREAKS_RULES, problem.message.slice(0, 100));
      this.#isClosing = true;
    }
  }

  /** The server's first message: whether it speaks the layer. */
  #decide(data) {
    if (typeof data !== "string" || !data.startsWith("\x10w")) {
      this.#goPlain();
      if (data !== this.#hello) this.#received(data); // One that sends back what it gets.
      return;
    }
    const welcome = JSON.parse(unpack(data).line);
    const isBack = this.#isInterrupted && welcome.resumed === true;
    if (typeof welcome.session !== "string" || !(welcome.ttl >= 0)) throw new SyntaxError("a welcome without its session");
    if (isBack) {
      this.#session.acknowledge(welcome.received);
      this.#session.written = welcome.received;
    }
    clearTimeout(this.#timer);
    this.#phase = "layered";
    for (const socket of this.#left.splice(0)) socket.close();
    const isNew = this.#isInterrupted && !isBack;
    if (isNew) this.#lose(1006, "the server does not know the session any more");
    if (this.#phase === "closed") return;
    const session = this.#session;
    this.#isInterrupted = false;
    session.token = welcome.session;
    session.timeout = welcome.ttl;
    session.othersBuffer = welcome.buffer;
    session.told = session.received;
    session.untold = 0;
    this.#peerId = welcome.id;
    this.#openedAt = session.toldAt = now();
    this.#isAttached = true;
    if (isBack) this.#socket.send(pack("a", session.received)); // It shows that the new token came.
    this.#flush();
    this.#ticking = setInterval(() => this.#tick(), 1000);
    this.#askTime();
    if (isNew) this.#tellOpen();
    if (isBack) {
      this.#tell("resumed");
      this.#tellDrained();
    }
    if (this.#lastWords !== null) this.#socket?.close(...this.#lastWords);
  }

  #count(data, deliver) {
    this.#session.count(data);
    deliver();
    const session = this.#session;
    // Where a page is not seen its timers are late, and messages are not.
    if (session.untold * 4 >= session.othersBuffer || now() - session.toldAt >= 1) this.#tellReceived();
  }

  #receivedEscaped(data) {
    const second = typeof data === "string" ? data.charCodeAt(1) : new Uint8Array(data)[1];
    if (second === DLE) return this.#count(data, () => this.#tell("message", { data: data.slice(1) }));
    const { letter, line, payload } = unpack(data);
    if (letter === "a") {
      if (!NUMBER.test(line)) throw new SyntaxError("an acknowledgement without a number");
      this.#session.acknowledge(Number(line));
      this.#tellDrained();
    } else if (letter === "t") this.#toldTime(line);
    else if (letter === "h" || letter === "w") throw new SyntaxError("a second greeting on one connection");
    else if (letter === "m") this.#move(line);
    else this.#count(data, () => this.#hear(letter, line, payload));
  }

  /** The server closes now, and says when to come back, and where. What was encrypted stays so. */
  #move(line) {
    const [delay, url] = line.split(" ");
    if (!/^\d{1,9}$/.test(delay)) throw new SyntaxError("a server that asks to come back later does not say when");
    this.#askedDelay = Number(delay) / 1000;
    if (url && /^wss?:/i.test(url) && (/^wss:/i.test(url) || !/^wss:/i.test(this.#url))) this.#url = url;
  }

  #tellReceived() {
    const session = this.#session;
    if (this.#phase !== "layered" || session.told === session.received) return;
    session.told = session.received;
    session.untold = 0;
    session.toldAt = now();
    this.#socket.send(pack("a", session.received));
  }

  #tick() {
    this.#tellReceived();
    this.#silence += 1;
    if (this.#silence > MOST_SILENT) return this.#giveUp();
    if (now() - this.#askedAt >= (this.#askedTime === null ? CLOCK_INTERVAL : 1)) this.#askTime();
  }

  // --- out

  /** Number a message of the layer's or an escaped one, and keep it. False: there is no room, or no session. */
  #put(wire, isSmall = false) {
    const session = this.#session;
    if (this.#phase === "closed" || this.#phase === "plain" || this.#isClosing) return false;
    if (!isSmall && session.keptSize + sizeOf(wire) + KEPT_OVERHEAD > this.#options.bufferSize) return !(this.#isFull = true);
    session.keep(wire);
    this.#flush();
    return true;
  }

  #flush() {
    const session = this.#session;
    while (this.#isAttached && session.written < session.sent) {
      const wire = session.kept[session.written - session.acknowledged];
      // It means something else where there is no layer: it waits until that is known, and what follows.
      if (this.#phase === "greeted" && firstOf(wire) === DLE) return;
      session.written += 1;
      this.#socket.send(wire);
    }
  }

  #sendPlain(data) {
    if (this.#socket.bufferedAmount + sizeOf(data) > this.#options.bufferSize) {
      if (!this.#isFull) this.#awaitRoom();
      return !(this.#isFull = true);
    }
    this.#socket.send(data);
    return true;
  }

  /** A WebSocket does not tell when what it was given has left. */
  #awaitRoom() {
    this.#timer = setTimeout(() => (this.bufferedAmount * 2 > this.#options.bufferSize ? this.#awaitRoom() : this.#tellDrained()), 50);
  }

  #goPlain() {
    clearTimeout(this.#timer);
    const isAnother = this.#isInterrupted;
    this.#phase = "plain";
    this.#isAttached = false;
    if (isAnother) this.#lose(1006, "the server has no sessions any more");
    if (this.#phase === "closed") return;
    const { kept, acknowledged, written } = this.#session;
    const session = this.#session;
    this.#session = new Session();
    session.end(new SessionError(ErrorCode.ERR_UNAVAILABLE, "the server has no sessions: set its session_timeout"));
    for (const wire of kept.slice(written - acknowledged)) {
      if (firstOf(wire) !== DLE) this.#socket.send(wire);
      else if (firstOf(wire.slice(1)) === DLE) this.#socket.send(wire.slice(1));
    }
    if (!this.#isOpen) this.#tellOpen();
    this.#tellDrained();
    if (this.#lastWords !== null) this.#socket?.close(...this.#lastWords);
  }

  // --- requests

  #hear(letter, line, payload) {
    const session = this.#session;
    if (letter === "v") return this.#tell("value", { data: decode(payload) });
    if (!"qrxk".includes(letter)) return;
    const [id, rest] = line.split(/ (.*)/);
    if (!NUMBER.test(id)) throw new SyntaxError("a message about a request without its number");
    const number = Number(id);
    if (letter === "q") {
      if (number <= session.heard) throw new SyntaxError("a request whose number does not count up");
      session.heard = number;
      this.#answer(session, number, rest ?? "", payload);
    } else if (letter === "k") session.handled.delete(number);
    else {
      if (number > session.asked) throw new SyntaxError("an answer to a request that was never made");
      const waiting = session.waiting.get(number);
      if (waiting === undefined) return; // It came too late.
      session.waiting.delete(number);
      waiting.stop();
      if (letter === "x") return waiting.reject(new SessionError(Number(rest) || ErrorCode.FAILED, typeof payload === "string" ? payload : ""));
      try {
        waiting.resolve(decode(payload));
      } catch {
        waiting.reject(new SessionError(ErrorCode.ERR_INVALID_DATA, "the reply is no JSON"));
      }
    }
  }

  async #answer(session, number, method, payload) {
    const reply = { letter: "r", line: `${number}`, payload: "" };
    const refuse = (code, message) => Object.assign(reply, { letter: "x", line: `${number} ${code}`, payload: message.slice(0, 1024) });
    const handler = this.#handlers.get(method);
    const isBusy = session.handled.size >= MOST_HANDLED;
    if (!isBusy) session.handled.add(number);
    if (isBusy) refuse(ErrorCode.ERR_BUSY, "too many requests are being handled");
    else if (handler === undefined) refuse(ErrorCode.ERR_METHOD_NOT_FOUND, `nobody handles "${method}"`);
    else {
      let data;
      try {
        data = { value: decode(payload) };
      } catch {
        refuse(ErrorCode.ERR_INVALID_DATA, "the data of the request is no JSON");
      }
      try {
        // Before the first await: handlers are called in the order in which requests and messages came.
        if (data !== undefined) reply.payload = encode(await handler(data.value));
      } catch (problem) {
        if (problem instanceof SessionError) refuse(problem.code, problem.message);
        else {
          console.error(`the handler of "${method}" failed:`, problem);
          refuse(ErrorCode.ERR_SCRIPT_FAILED, "the handler failed");
        }
      }
    }
    let wire = pack(reply.letter, reply.line, reply.payload);
    if (sizeOf(wire) + KEPT_OVERHEAD > this.#options.bufferSize) wire = pack("x", `${number} ${ErrorCode.ERR_OUT_OF_MEMORY}`, "the reply is longer than what this side can send");
    const isWanted = () => session === this.#session && this.#phase !== "closed" && !this.#isClosing && (isBusy || session.handled.has(number));
    while (isWanted() && !this.#put(wire)) await new Promise((resolve) => setTimeout(resolve, 50));
    session.handled.delete(number);
  }

  // --- the clock

  #askTime() {
    if (this.#phase !== "layered") return;
    this.#askedAt = now();
    this.#askedTime = Math.round(this.#askedAt * 1e6);
    this.#socket.send(pack("t", this.#askedTime));
  }

  #toldTime(line) {
    const [asked, time] = line.split(" ");
    if (!NUMBER.test(asked) || !NUMBER.test(time)) throw new SyntaxError("the answer to a clock sample without its times");
    if (Number(asked) !== this.#askedTime) return; // It was given up.
    const arrived = now();
    const trip = arrived - this.#askedTime / 1e6;
    this.#askedTime = null;
    this.#samples.push({ trip, difference: Number(time) / 1e6 - arrived + trip / 2 });
    if (this.#samples.length > CLOCK_SAMPLES) this.#samples.shift();
    else if (this.#samples.length < CLOCK_SAMPLES) setTimeout(() => this.#askTime(), 100);
  }

  // --- telling

  #tell(name, what = {}) {
    this.dispatchEvent(Object.assign(new Event(name), what));
  }

  #tellOpen() {
    this.#isOpen = true;
    this.#tell("open");
  }

  #tellDrained() {
    if (!this.#isFull || this.bufferedAmount * 2 > this.#options.bufferSize) return;
    this.#isFull = false;
    this.#tell("drained");
  }
}
