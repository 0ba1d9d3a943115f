/** Runs a program of this folder in Node: its argument is JSON with the WebSocket to use, and what the program takes. */

import { createRequire } from "node:module";
import { SessionClient, SessionError } from "../../clients/session.js";

const { program, webSocket, values } = JSON.parse(process.argv[2]);
const options = webSocket === "" ? {} : { WebSocket: createRequire(webSocket)("ws") };
const module = await import(`./${program}.mjs`);
await module.run({ SessionClient, SessionError, options }, values);
process.exit(0); // A dead connection takes its time to close.
