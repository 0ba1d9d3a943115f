// How session.d.ts is used: what is marked as an error has to be one.

import { ErrorCode, SessionClient, SessionError, type SessionOptions } from "../../../clients/session.js";

const options: SessionOptions = { protocols: ["chat"], bufferSize: 65536, fallback: false };
const client: SessionClient = new SessionClient("ws://localhost/", options);

client.addEventListener("message", ({ data }) => {
  const size: number = typeof data === "string" ? data.length : data.byteLength;
  const isTaken: boolean = client.send(`${size}`) && client.send(new Uint8Array(size)) && client.send(new ArrayBuffer(1));
  console.log(isTaken, client.serverTime + client.peerId + client.bufferedAmount, client.hasSession, client.isOpen);
});
client.addEventListener("close", ({ code, reason }) => console.log(code.toFixed(), reason.length));
client.addEventListener("resumed", () => client.close(4000, "enough"), { once: true });
client.handle("ready", async (data) => ({ isReady: data.level > 1 }));
client.handle("ready", null);
console.log(client.sendVar({ level: 1 }), (client.clockError + client.latency).toFixed(3));

export async function ask(signal: AbortSignal): Promise<string> {
  try {
    return (await client.request<{ name: string }>("login", { name: "Ada" }, 5, signal)).name;
  } catch (problem) {
    if (problem instanceof SessionError && problem.code === ErrorCode.ERR_TIMEOUT) return "nobody";
    throw problem;
  }
}

// @ts-expect-error: no time is a text
client.request("login", null, "5");
// @ts-expect-error: nor is a message a number
client.send(5);
// @ts-expect-error: it is read only
client.peerId = 5;
// @ts-expect-error: there is no such option
new SessionClient("ws://localhost/", { bufersize: 5 });
// @ts-expect-error: an event without data
client.addEventListener("open", ({ data }) => data);
