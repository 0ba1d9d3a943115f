// Node's ws as the server of our client: prints its port, echoes, ends with its standard input. The scenario comes as
// one line of JSON on standard input.
"use strict";

const readline = require("node:readline");
const { WebSocketServer } = require("ws");

const input = readline.createInterface({ input: process.stdin });

input.once("line", (line) => {
  const scenario = JSON.parse(line);
  const server = new WebSocketServer({
    host: "127.0.0.1",
    port: 0,
    perMessageDeflate: true,
    handleProtocols: (offered) => scenario.subprotocols.find((name) => offered.has(name)),
  });
  server.on("headers", (headers) => headers.push("X-Greeting: hi"));
  server.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => {
      if (!isBinary && data.toString() === scenario.goodbye) socket.close(scenario.closeCode, scenario.closeReason);
      else socket.send(data, { binary: isBinary });
    });
  });
  server.on("listening", () => console.log(server.address().port));
});
input.on("close", () => process.exit(0));
