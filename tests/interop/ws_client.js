// Node's ws as the client of our server: node ws_client.js URL, the scenario as JSON on standard input.
"use strict";

const assert = require("node:assert");
const { readFileSync } = require("node:fs");
const { WebSocket } = require("ws");

const scenario = JSON.parse(readFileSync(0, "utf8"));
const messages = scenario.messages.map((message) => (Array.isArray(message) ? Buffer.from(message) : message));
const socket = new WebSocket(process.argv[2], scenario.subprotocols);
let received = 0;

socket.on("upgrade", (response) => assert.strictEqual(response.headers["x-greeting"], "hi"));
socket.on("open", () => {
  assert.strictEqual(socket.protocol, scenario.subprotocols[0]);
  messages.forEach((message) => socket.send(message));
});
socket.on("message", (data, isBinary) => {
  assert.deepStrictEqual(isBinary ? data : data.toString("utf8"), messages[received]);
  received += 1;
  if (received === messages.length) socket.ping("are you there?");
});
socket.on("pong", (payload) => {
  assert.strictEqual(payload.toString(), "are you there?");
  socket.close(scenario.closeCode, scenario.closeReason);
});
socket.on("close", (code, reason) => {
  assert.strictEqual(received, messages.length);
  assert.deepStrictEqual([code, reason.toString()], [scenario.closeCode, scenario.closeReason]);
});
