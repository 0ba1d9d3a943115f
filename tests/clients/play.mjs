/** What a client in JavaScript does in a play (plays.py): numbered messages and requests, and a report of all that came. */

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Message number n: text or bytes, some of which begin as the layer's own do. */
function made(n, size) {
  const text = `${n % 3 ? "" : "\x10"}${n} ${"x".repeat((n * 7919) % size)}`;
  return n % 2 ? new TextEncoder().encode(text) : text;
}

/** What came, as its kind and number; garbled where it is not that message. */
function told(data, size) {
  const text = typeof data === "string" ? data : new TextDecoder().decode(data);
  const n = parseInt(text.replace("\x10", ""), 10);
  const expected = made(n, size);
  const isSame = typeof data === typeof expected && text === (typeof expected === "string" ? expected : new TextDecoder().decode(expected));
  return isSame ? `m ${n}` : `garbled: ${text.slice(0, 40)}`;
}

export async function run({ SessionClient, options: given }, { url, length, size, options: asked }) {
  const options = { ...given, ...asked };
  const client = new SessionClient(url, { reconnectDelay: 0.02, reconnectDelayMax: 0.2, requestTimeout: 100, ...options });
  const received = [];
  const events = [];
  const replies = [];
  for (const name of ["open", "interrupted", "resumed", "close"]) {
    client.addEventListener(name, (event) => {
      events.push(name);
      if (name === "close") console.log(`closed ${event.code} ${event.reason}`);
    });
  }
  const isOver = new Promise((resolve) => client.addEventListener("close", resolve));
  const hasAll = new Promise((resolve) => {
    const take = (what) => received.push(what) === length && resolve();
    client.addEventListener("message", ({ data }) => take(told(data, size)));
    client.handle("ask", async ({ n }) => {
      take(`q ${n}`);
      if (n % 2) await pause(5);
      return n * 2;
    });
  });
  const times = [];
  const send = async () => {
    for (let n = 0; n < length; n++) {
      if (n % 5 === 4) {
        while (client.bufferedAmount + size + 200 > (options.bufferSize ?? Infinity)) await pause(2);
        const reply = client.request("ask", { n, pad: "x".repeat((n * 7919) % size) });
        replies.push(reply.then((value) => `${n} ${value}`));
      } else {
        while (!client.send(made(n, size))) await new Promise((resolve) => client.addEventListener("drained", resolve, { once: true }));
      }
      if (n % 7 === 0) await pause(1);
      times.push(client.serverTime);
    }
  };
  await Promise.all([send(), hasAll]);
  const report = { received, events: [...events], replies: await Promise.all(replies) };
  report.goesBack = times.some((time, i) => i > 0 && time < times[i - 1]);
  while (client.serverTime === 0) await pause(10);
  await client.request("report", { ...report, time: client.serverTime, peer: client.peerId });
  client.close();
  await isOver;
  console.log(`over ${events.at(-1)}`);
}
