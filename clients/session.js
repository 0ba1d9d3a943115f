/** Sessions, requests and the server's clock for a browser or Node: docs/sessions.md has what is promised. */

import { Clock } from "./clock.js";
import { ErrorCode, Requests, SessionError } from "./requests.js";
import { SUBPROTOCOL, Session, copied, decode, encode, escaped, isEscaped, now, numberIn, pack, sizeOf, unescaped, unpack } from "./wire.js";

export { ErrorCode, SessionError };

// Seconds without a message of the server's, though it was asked for the time, until a connection counts as dead.
const MOST_SILENT = 10;
// A connection that held for so long has its delays begin anew.
const STABLE = 5;
// A connection that ends with one of these was cut; with any other one somebody has ended it (RFC 6455 section 7.4).
const CUT = new Set([1001, 1006, 1011, 1012, 1013]);
// Of those that an application may send: the other side breaks the rules of the layer.
const BREAKS_RULES = 4002;

/** A client of a server with sessions, which connects at once. With any other server it is a plain WebSocket. */
export class SessionClient extends EventTarget {
  #url;
  #options;
  #session = new Session();
  #requests = new Requests((wire, isSmall) => this.#put(wire, isSmall));
  #clock = new Clock();
  #socket = null;
  // "connecting", "greeted" (the server may turn out not to know the layer), "layered", "plain", "waiting", "closed"
  #phase = "connecting";
  #isLayerOffered = false;
  #isInterrupted = false;
  #isOpen = false;
  #isFull = false;
  // The arguments of close(), which waits for what is held.
  #lastWords = null;
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
    this.#connect(true);
  }

  get isOpen() { return this.#isOpen && this.#lastWords === null; }
  get hasSession() { return this.#session.isWelcome; }
  get peerId() { return this.#peerId; }
  get protocol() { return (this.#socket?.protocol ?? "").replace(/(^|\+)session1\.ws-python$/, ""); }
  get bufferedAmount() { return this.#phase === "plain" ? this.#socket.bufferedAmount : this.#session.keptSize; }
  get serverTime() { return this.#clock.time; }
  get clockError() { return this.#clock.error; }
  get latency() { return this.#clock.roundTrip; }

  send(data) {
    return this.#isTaken(escaped(copied(data)));
  }

  sendVar(value) {
    return this.#isTaken(pack("v", "", encode(value)));
  }

  request(method, data = null, timeout = this.#options.requestTimeout, signal = undefined) {
    return this.#requests.ask(method, data, timeout, signal);
  }

  handle(method, handler) {
    this.#requests.handle(method, handler);
  }

  close(code = 1000, reason = "") {
    if (this.#phase === "closed" || this.#lastWords !== null) return;
    if (this.#isInterrupted || this.#phase === "connecting") {
      this.#socket?.close(code, reason);
      return this.#end(1006, "closed while there was no connection");
    }
    this.#lastWords = [code, reason];
    if (this.#phase === "greeted" && this.#session.next !== undefined) this.#timer = setTimeout(() => this.#part(), this.#options.connectTimeout * 1000);
    else this.#part();
  }

  // --- connections

  #connect(withLayer) {
    const { protocols, connectTimeout, WebSocket } = this.#options;
    const layered = protocols.length ? protocols.map((name) => `${name}+${SUBPROTOCOL}`) : [SUBPROTOCOL];
    this.#isLayerOffered = withLayer;
    this.#phase = "connecting";
    const socket = (this.#socket = new WebSocket(this.#url, withLayer ? [...layered, ...protocols] : protocols));
    socket.binaryType = "arraybuffer";
    const on = (name, listener) => socket.addEventListener(name, (event) => socket === this.#socket && listener(event));
    on("open", () => this.#opened());
    on("message", ({ data }) => this.#received(data));
    on("close", ({ code, reason }) => this.#cut(code, reason));
    // Some say no more than that of an attempt that failed, and npm's ws throws what nobody listens for.
    on("error", () => this.#phase === "connecting" && this.#cut(1006, "the server cannot be reached"));
    socket.addEventListener("error", () => {});
    this.#timer = setTimeout(() => this.#giveUp(), connectTimeout * 1000);
  }

  #opened() {
    if (!this.#socket.protocol.endsWith(SUBPROTOCOL)) return this.#goPlain();
    const { token, received } = this.#session;
    const asked = this.#isInterrupted ? { resume: token, received } : { token };
    this.#phase = "greeted";
    this.#socket.send((this.#hello = pack("h", JSON.stringify({ v: 1, buffer: this.#options.bufferSize, ...asked }))));
    if (this.#isInterrupted) return; // The server is to answer in time.
    // A session that is new begins at once: where the server does not know the layer, nothing is different.
    clearTimeout(this.#timer);
    this.#openedAt = now();
    this.#flush();
    this.#tellOpen();
  }

  #giveUp() {
    if (this.#socket.readyState === 0) this.#socket.close();
    else this.#left.push(this.#socket);
    this.#cut(1006, "the server does not answer");
  }

  #cut(code, reason) {
    this.#forgetSocket();
    const before = this.#phase;
    this.#phase = "waiting";
    const isCut = this.#isInterrupted || ((before === "greeted" || before === "layered") && CUT.has(code));
    if (this.#lastWords !== null) this.#end(code, reason);
    else if (isCut) this.#comeBack(code, reason);
    // Browsers refuse a server that agrees to nothing they offer, and do not tell that from one that is not there.
    else if (before === "connecting" && this.#isLayerOffered && this.#options.fallback && this.#options.protocols.length === 0) this.#connect(false);
    else this.#end(code, reason);
  }

  #comeBack(code, reason) {
    if (!this.#isInterrupted) {
      this.#isInterrupted = true;
      this.#until = now() + this.#session.timeout;
      if (now() - this.#openedAt > STABLE) this.#attempts = 0;
      this.#tell("interrupted");
    }
    if (this.#phase === "closed") return; // By a listener.
    const asked = this.#askedDelay;
    this.#askedDelay = null;
    if (asked !== null) this.#until = Math.max(this.#until, now() + asked + 1);
    if (now() >= this.#until) return this.#end(code, reason);
    const { reconnectDelay, reconnectDelayMax } = this.#options;
    const delay = asked ?? Math.min(reconnectDelay * 2 ** this.#attempts++, reconnectDelayMax) * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(() => this.#connect(true), Math.min(delay, this.#until - now()) * 1000);
  }

  #forgetSocket() {
    clearTimeout(this.#timer);
    clearInterval(this.#ticking);
    this.#socket = null;
  }

  #part() {
    this.#socket?.close(...this.#lastWords);
  }

  #end(code, reason) {
    this.#forgetSocket();
    this.#leave();
    this.#phase = "closed";
    this.#lose(code, reason);
  }

  #leave() {
    for (const socket of this.#left.splice(0)) socket.close();
  }

  /** The session is over. What comes next is another one. */
  #lose(code, reason) {
    this.#session = new Session();
    this.#isInterrupted = this.#isOpen = this.#isFull = false;
    this.#peerId = 0;
    this.#clock.restart();
    this.#requests.end(new SessionError(ErrorCode.ERR_CONNECTION_ERROR, "the session has ended before the reply came"));
    this.#tell("close", { code, reason });
  }

  // --- in

  #received(data) {
    this.#silence = 0;
    if (this.#phase === "plain") return this.#tell("message", { data });
    if (this.#lastWords !== null && this.#phase !== "greeted") return;
    try {
      if (this.#phase === "greeted") this.#decide(data);
      else this.#hear(data);
    } catch (problem) {
      if (!(problem instanceof SyntaxError || problem instanceof RangeError)) throw problem;
      this.#lastWords = [BREAKS_RULES, problem.message.slice(0, 100)];
      this.#part();
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
    const wasInterrupted = this.#isInterrupted;
    const isBack = wasInterrupted && welcome.resumed === true;
    if (isBack) this.#session.resumeAt(welcome.received);
    clearTimeout(this.#timer);
    this.#leave();
    if (wasInterrupted && !isBack) this.#lose(1006, "the server does not know the session any more");
    if (this.#phase === "closed") return; // By a listener.
    this.#phase = "layered";
    this.#isInterrupted = false;
    this.#session.welcome(welcome);
    this.#peerId = welcome.id;
    this.#openedAt = now();
    this.#socket.send(this.#session.acknowledgement()); // It shows that the new token came.
    this.#flush();
    this.#ticking = setInterval(() => this.#tick(), 1000);
    this.#askTime();
    if (isBack) {
      this.#tell("resumed");
      this.#tellDrained();
    } else if (wasInterrupted) this.#tellOpen();
    if (this.#lastWords !== null) this.#part();
  }

  #hear(data) {
    const plain = unescaped(data);
    if (plain !== null) return this.#count(data, () => this.#tell("message", { data: plain }));
    const { letter, line, payload } = unpack(data);
    if (letter === "a") {
      this.#session.acknowledge(numberIn(line));
      this.#tellDrained();
    } else if (letter === "t") {
      if (this.#clock.answer(line) && this.#clock.isNew) setTimeout(() => this.#askTime(), 100);
    } else if (letter === "m") this.#move(line);
    else if (letter === "h" || letter === "w") throw new SyntaxError("a second greeting on one connection");
    else if (letter === "v") this.#count(data, () => this.#tell("value", { data: decode(payload) }));
    else this.#count(data, () => this.#requests.hear(letter, line, payload));
  }

  #count(data, deliver) {
    this.#session.count(data);
    deliver();
    if (this.#session.mustTell) this.#tellReceived();
  }

  /** The server closes now, and says when to come back, and where. What was encrypted stays so. */
  #move(line) {
    const [delay, url] = line.split(" ");
    this.#askedDelay = numberIn(delay) / 1000;
    if (url && /^wss?:/i.test(url) && (/^wss:/i.test(url) || !/^wss:/i.test(this.#url))) this.#url = url;
  }

  #tick() {
    this.#silence += 1;
    if (this.#silence > MOST_SILENT) return this.#giveUp();
    this.#tellReceived();
    if (this.#clock.isDue) this.#askTime();
  }

  #tellReceived() {
    if (this.#phase === "layered" && this.#session.told < this.#session.received) this.#socket.send(this.#session.acknowledgement());
  }

  #askTime() {
    if (this.#phase === "layered") this.#socket.send(pack("t", ...this.#clock.question()));
  }

  // --- out

  #isTaken(wire) {
    const problem = this.#put(wire);
    if (problem === ErrorCode.ERR_OUT_OF_MEMORY) throw new RangeError("a message is longer than bufferSize: raise it, or send less");
    return problem === 0;
  }

  /** Send a message as it is in the layer, now or with the next connection: an ErrorCode, 0 where that will be so. */
  #put(wire, isSmall = false) {
    const isPlain = this.#phase === "plain";
    if (this.#phase === "closed" || this.#lastWords !== null) return ErrorCode.ERR_CONNECTION_ERROR;
    if (isPlain && unescaped(wire) === null) return ErrorCode.ERR_UNAVAILABLE;
    if (sizeOf(wire) > this.#options.bufferSize) return ErrorCode.ERR_OUT_OF_MEMORY;
    if (!isSmall && this.bufferedAmount + sizeOf(wire) > this.#options.bufferSize) {
      this.#isFull = true;
      return ErrorCode.ERR_BUSY;
    }
    if (isPlain) this.#socket.send(unescaped(wire));
    else {
      this.#session.keep(wire);
      this.#flush();
    }
    return 0;
  }

  #flush() {
    const session = this.#session;
    const isUndecided = this.#phase === "greeted" && !this.#isInterrupted;
    // What may be the layer's means something else where there is none: it waits until that is known, and what follows.
    while ((this.#phase === "layered" || isUndecided) && session.next !== undefined && !(isUndecided && isEscaped(session.next))) this.#socket.send(session.write());
  }

  /** The server has no sessions, or does not know the layer that it has agreed to. */
  #goPlain() {
    clearTimeout(this.#timer);
    this.#phase = "plain";
    if (this.#isInterrupted) this.#lose(1006, "the server has no sessions any more");
    if (this.#phase === "closed") return; // By a listener.
    const held = this.#session;
    this.#session = new Session();
    this.#requests.end(new SessionError(ErrorCode.ERR_UNAVAILABLE));
    while (held.next !== undefined) {
      const data = unescaped(held.write());
      if (data !== null) this.#socket.send(data);
    }
    this.#ticking = setInterval(() => this.#tellDrained(), 100); // A WebSocket does not tell when all has left.
    if (!this.#isOpen) this.#tellOpen();
    if (this.#lastWords !== null) this.#part();
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
