/** What session.js does besides carrying messages: each function is a case; what they give is printed as one line of JSON. */

import { createRequire } from "node:module";
import { ErrorCode } from "../../clients/session.js";

const { WebSocketServer } = createRequire(new URL("../interop/", import.meta.url))("ws");
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const once = (client, name) => new Promise((resolve) => client.addEventListener(name, resolve, { once: true }));
const failure = (promise) => promise.then((value) => `no error, but ${value}`, (error) => `${error.code} ${error.message}`);

/** A server of npm's ws, which does with each connection what it is told. */
async function other(onConnection, options = {}) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, ...options });
  server.on("connection", onConnection);
  await new Promise((resolve) => server.on("listening", resolve));
  return { url: `ws://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

function recorded(client) {
  const log = [];
  for (const name of ["open", "interrupted", "resumed", "close", "drained"]) client.addEventListener(name, ({ code }) => log.push(name === "close" ? `close ${code}` : name));
  client.addEventListener("message", ({ data }) => log.push(typeof data === "string" ? data : new Uint8Array(data).join()));
  return log;
}

const cases = {
  async plain(make, { plain }) {
    const client = make(plain);
    const log = recorded(client);
    const early = failure(client.request("echo"));
    for (const data of ["a", "\x10b", new Uint8Array([16, 1])]) client.send(data);
    while (log.length < 4) await pause(5);
    const late = await failure(client.request("echo"));
    const state = [client.hasSession, client.peerId, client.isOpen];
    client.close(4000);
    await once(client, "close");
    return { log, early: await early, late, state };
  },
  async plainIsForbidden(make, { plain }) {
    const client = make(plain, { fallback: false });
    const log = recorded(client);
    await once(client, "close");
    return log;
  },
  /** Node's ws agrees to whatever is offered first, and this one sends back what it gets, the hello among it. */
  async agreesToEverything(make) {
    const server = await other((socket) => socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })));
    const client = make(server.url);
    const log = recorded(client);
    const early = failure(client.request("echo"));
    for (const data of ["a", "\x10b", "c"]) client.send(data);
    while (log.length < 4) await pause(5);
    client.close();
    await once(client, "close");
    server.close();
    return { log, early: await early };
  },
  /** It says nothing of its own: what is no riddle to it is not held back for long. */
  async agreesAndIsSilent(make) {
    const heard = [];
    const server = await other((socket) => socket.on("message", (data) => heard.push(`${data}`) === 3 && socket.send("thanks")));
    const client = make(server.url);
    const log = recorded(client);
    client.send("a");
    client.send("b");
    await once(client, "message");
    client.close();
    await once(client, "close");
    server.close();
    return { log, heard: heard.slice(1) };
  },
  async breaksTheRules(make) {
    const said = { greeting: '\x10w{"session":5}\n', acknowledgement: "\x10a5\n", line: "\x10a", reply: "\x10r5\nnull", again: '\x10w{}\n' };
    const closed = {};
    for (const [name, what] of Object.entries(said)) {
      const server = await other((socket) => {
        socket.on("message", () => {
          if (name !== "greeting") socket.send('\x10w{"session":"s","id":1,"received":0,"resumed":false,"ttl":9,"buffer":4096}\n');
          socket.send(what);
        });
      });
      const client = make(server.url);
      closed[name] = (await once(client, "close")).code;
      server.close();
    }
    return closed;
  },
  /** The server is about to restart: it says where to come back, and closes. */
  async goesWhereItIsSent(make) {
    const greetings = [];
    const welcome = (resumed) => `\x10w{"session":"s","id":1,"received":0,"resumed":${resumed},"ttl":9,"buffer":4096}\n`;
    const there = await other((socket) => socket.on("message", (data) => greetings.push(`${data}`.slice(0, 2)) === 1 && socket.send(welcome(true))));
    const here = await other((socket) => {
      socket.on("message", () => {
        socket.send(welcome(false));
        socket.send(`\x10m50 ${there.url}\n`);
        socket.close(1012);
      });
    });
    const client = make(here.url, { reconnectDelay: 100, reconnectDelayMax: 100 });
    const log = recorded(client);
    await once(client, "resumed");
    client.close();
    await once(client, "close");
    here.close();
    there.close();
    return { log, greetings: greetings[0] };
  },
  async requests(make, { session }) {
    const client = make(session);
    const cancelling = new AbortController();
    const outcomes = {
      json: await client.request("echo", { a: [1, "ä", null] }),
      bytes: [...new Uint8Array(await client.request("echo", new Uint8Array([16, 0, 255])))],
      nothing: await client.request("echo"),
      nobody: await failure(client.request("nobody")),
      fails: await failure(client.request("fails")),
      refuses: await failure(client.request("refuses")),
      timeout: await failure(client.request("never", null, 0.05)),
      method: await failure(client.request("a b")),
      long: await failure(client.request("echo", "x".repeat(5 * 2 ** 20))),
    };
    const cancelled = failure(client.request("never", null, 100, cancelling.signal));
    cancelling.abort();
    outcomes.cancelled = await cancelled;
    outcomes.cancelledBefore = await failure(client.request("never", null, 100, cancelling.signal));
    outcomes.unanswerable = await client.request("echo", { n: 1n }).catch((error) => error.name);
    const last = failure(client.request("never"));
    client.close();
    outcomes.ended = await last;
    outcomes.closed = await failure(client.request("echo"));
    outcomes.send = client.send("x");
    return outcomes;
  },
  /** The server asks: see test_behaviour.py. */
  async handlers(make, { session }, { SessionError }) {
    const client = make(session);
    const log = recorded(client);
    client.handle("echo", (data) => data);
    client.handle("fails", () => null.x);
    client.handle("refuses", () => {
      throw new SessionError(7, "no such file");
    });
    client.handle("unsendable", () => 1n);
    client.handle("never", () => new Promise(() => {}));
    const outcomes = await client.request("ask-me");
    client.close();
    await once(client, "close");
    return { outcomes, log };
  },
  /** The server sends back the values that it gets. */
  async values(make, { session, plain }) {
    const client = make(session);
    const values = [];
    client.addEventListener("value", ({ data }) => values.push(data instanceof ArrayBuffer ? [...new Uint8Array(data)] : data));
    const taken = [{ a: [1, "ä"] }, null, new Uint8Array([16, 0])].map((value) => client.sendVar(value));
    while (values.length < 3) await pause(5);
    client.close();
    const other = make(plain);
    await once(other, "open");
    taken.push(other.sendVar(1));
    other.close();
    return { values, taken };
  },
  async clock(make, { session }) {
    const client = make(session);
    const before = [client.serverTime, client.clockError, client.latency];
    while (client.serverTime === 0) await pause(5);
    await pause(1000);
    let isRight = true;
    for (let i = 0; i < 50; i++) {
      const least = client.serverTime - client.clockError;
      const time = await client.request("time");
      isRight &&= least <= time && time <= client.serverTime + client.clockError;
    }
    const { latency, clockError } = client;
    client.close();
    return { before, isRight, latency, clockError };
  },
  async full(make, { session }) {
    const client = make(session, { bufferSize: 2000 });
    const log = recorded(client);
    let sent = 0;
    while (client.send("x".repeat(100))) sent += 1;
    await once(client, "drained");
    const longest = "y".repeat(1900);
    while (!client.send(longest)) await once(client, "drained");
    let error = "none";
    try {
      client.send("y".repeat(2000));
    } catch (problem) {
      error = problem.name;
    }
    while (client.bufferedAmount > 0) await pause(5);
    while ((await client.request("count")) < sent + 1) await pause(5);
    client.close();
    await once(client, "close");
    return { sent, error, log };
  },
  /** What was sent leaves, though close() comes before it is known whether there is a session. */
  async closesAtOnce(make, { session }) {
    const client = make(session);
    await once(client, "open");
    client.send("first");
    client.send("\x10last");
    client.close(4000, "enough");
    const { code, reason } = await once(client, "close");
    return [code, reason];
  },
  async nobodyThere(make) {
    const server = await other(() => {});
    server.close();
    const client = make(server.url);
    const log = recorded(client);
    await once(client, "close");
    return log;
  },
  async closesBeforeItIsOpen(make, { session }) {
    const client = make(session);
    const log = recorded(client);
    client.close();
    client.close();
    await pause(50);
    return log;
  },
  async throwsInAHandler(make, { session }) {
    const client = make(session);
    const problems = [];
    process.on("uncaughtException", (problem) => problems.push(problem.message));
    client.addEventListener("message", () => {
      throw new Error("of a game");
    });
    const log = recorded(client);
    await client.request("greet-me");
    while (log.length < 3) await pause(5);
    process.removeAllListeners("uncaughtException");
    client.close();
    return { problems, log };
  },
};

/** The server is another one after this: see test_behaviour.py. */
async function restarted(make, { session }) {
  const client = make(session);
  const log = recorded(client);
  await once(client, "open");
  const pending = failure(client.request("never", null, 100));
  console.log("waiting");
  await once(client, "interrupted");
  client.send("lost");
  await once(client, "open");
  const reply = await client.request("echo", 5);
  client.close();
  await once(client, "close");
  return { log, pending: await pending, reply };
}

export async function run({ SessionClient, SessionError, options }, { urls, only }) {
  const make = (url, more) => new SessionClient(url, { reconnectDelay: 0.02, reconnectDelayMax: 0.1, ...options, ...more });
  const outcomes = { ErrorCode };
  const chosen = only === "restarted" ? { restarted } : cases;
  for (const [name, each] of Object.entries(chosen)) outcomes[name] = await each(make, urls, { SessionError }).catch((problem) => `failed: ${problem.stack}`);
  console.log(JSON.stringify(outcomes, (_, value) => (value === Infinity ? "Infinity" : value)));
}
