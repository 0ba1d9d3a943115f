/** The session layer without a socket: what is on the wire (docs/sessions.md), and what outlives a connection. */

export const SUBPROTOCOL = "session1.ws-python";
const DLE = "\x10";
const LONGEST_LINE = 1024;
// What a kept message is counted with beside its own length, as the server does.
const OVERHEAD = 64;
// Seconds that the server is taken to wait as long as it has not said how long it does.
const UNTOLD_TIMEOUT = 30;
const crypto = globalThis.crypto ?? (await import("node:crypto")).webcrypto; // Node 18

export const now = () => performance.now() / 1000;
export const isBinary = (data) => data instanceof ArrayBuffer || ArrayBuffer.isView(data);
export const sizeOf = (data) => (data.length ?? data.byteLength) + OVERHEAD;

/** Text, or a copy of bytes, which whoever gave them may change. */
export function copied(data) {
  if (!isBinary(data)) return String(data);
  return new Uint8Array(data.buffer ?? data, data.byteOffset, data.byteLength).slice().buffer;
}

export const encode = (value) => (isBinary(value) ? copied(value) : (JSON.stringify(value) ?? "null"));
export const decode = (payload) => (typeof payload !== "string" ? payload : payload && JSON.parse(payload));

/** A whole number of the other side's. */
export function numberIn(text) {
  if (!/^\d{1,16}$/.test(text)) throw new SyntaxError("a message of the session layer without its number");
  return Number(text);
}

function beginning(data, length) {
  if (typeof data === "string") return data.slice(0, length);
  return String.fromCharCode(...new Uint8Array(data, 0, Math.min(length, data.byteLength)));
}

/** ASCII, and then text or bytes. */
function joined(line, payload) {
  if (typeof payload === "string") return line + payload;
  const bytes = new Uint8Array(line.length + payload.byteLength);
  new TextEncoder().encodeInto(line, bytes);
  bytes.set(new Uint8Array(payload), line.length);
  return bytes.buffer;
}

export const isEscaped = (wire) => beginning(wire, 1) === DLE;
export const escaped = (data) => (isEscaped(data) ? joined(DLE, data) : data);

/** A message of the user's as it was before `escaped`; null where it is one of the layer's own. */
export function unescaped(wire) {
  if (!isEscaped(wire)) return wire;
  return beginning(wire, 2) === DLE + DLE ? wire.slice(1) : null;
}

export const pack = (letter, line, payload = "") => joined(`${DLE}${letter}${line}\n`, payload);

/** A message of the layer: its letter, its line and its payload. */
export function unpack(wire) {
  const start = beginning(wire, LONGEST_LINE + 3);
  const end = start.indexOf("\n");
  if (end < 2) throw new SyntaxError("a message of the session layer has no line before its payload");
  return { letter: start[1], line: start.slice(2, end), payload: wire.slice(end + 1) };
}

/** What a session is known by and nobody can guess: 128 random bits in base64url. */
function newToken() {
  const bits = String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16)));
  return btoa(bits).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** What outlives a connection: what was sent and not acknowledged, and how much came. */
export class Session {
  token = newToken();
  timeout = UNTOLD_TIMEOUT;
  // Whether the server has said that it has it.
  isWelcome = false;
  othersBuffer = Infinity;
  // Numbers of messages: given to a connection, acknowledged by the server; received, and the server told so.
  written = 0;
  acknowledged = 0;
  received = 0;
  told = 0;
  kept = [];
  keptSize = 0;
  #untold = 0;
  #toldAt = 0;

  keep(wire) {
    this.kept.push(wire);
    this.keptSize += sizeOf(wire);
  }

  /** What waits for a connection, the first of it; undefined for nothing. */
  get next() {
    return this.kept[this.written - this.acknowledged];
  }

  /** Give that to a connection. */
  write() {
    const wire = this.next;
    this.written += 1;
    return wire;
  }

  /** What the server says of it, when it begins and each time that it goes on. */
  welcome({ session, ttl, buffer }) {
    if (typeof session !== "string" || !(ttl >= 0)) throw new SyntaxError("a welcome without its session");
    Object.assign(this, { token: session, timeout: ttl, othersBuffer: buffer, isWelcome: true });
  }

  acknowledge(number) {
    if (!(number >= this.acknowledged && number <= this.written)) throw new RangeError(`message ${number} is acknowledged, of ${this.acknowledged} to ${this.written}`);
    for (const wire of this.kept.splice(0, number - this.acknowledged)) this.keptSize -= sizeOf(wire);
    this.acknowledged = number;
  }

  /** A further connection: the server has so much, and gets the rest again. */
  resumeAt(number) {
    this.acknowledge(number);
    this.written = number;
  }

  count(wire) {
    this.received += 1;
    this.#untold += sizeOf(wire);
  }

  /** Whether the server is to be told now. Timers are late where a page is not seen, and messages are not. */
  get mustTell() {
    return this.#untold * 4 >= this.othersBuffer || now() - this.#toldAt >= 1;
  }

  acknowledgement() {
    this.told = this.received;
    this.#untold = 0;
    this.#toldAt = now();
    return pack("a", this.received);
  }
}
