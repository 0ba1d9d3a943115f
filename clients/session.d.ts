/** What a WebSocket has of which SessionClient makes use: the host's own, or that of npm's ws. */
export interface WebSocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  readonly protocol: string;
  readonly readyState: number;
  addEventListener(name: string, listener: (event: any) => void): void;
  close(code?: number, reason?: string): void;
  send(data: any): void;
}

export interface SessionOptions {
  /** Subprotocols of the application's own. Default: none. */
  protocols?: readonly string[];
  /** How much may wait for the server to acknowledge it, in bytes: 64 a message beside its own. Default: 4 MiB. */
  bufferSize?: number;
  /** Seconds that request() waits where it is not told otherwise. Default: 10. */
  requestTimeout?: number;
  /** Seconds within which the server has to answer an attempt to connect. Default: 10. */
  connectTimeout?: number;
  /** Seconds before the first attempt to come back. Each further wait is twice as long; up to half of it is random. Default: 1. */
  reconnectDelay?: number;
  /** The longest wait between two attempts, in seconds. Default: 30. */
  reconnectDelayMax?: number;
  /**
   * Whether to connect without a session where connecting with one has failed. Browsers do not tell a server that has
   * no sessions from one that cannot be reached: where nothing may be lost, set it to false. Default: true.
   */
  fallback?: boolean;
  /** What connects. Default: that of the browser or Node. */
  WebSocket?: new (url: string, protocols: string[]) => WebSocketLike;
}

/** A message: a string or an ArrayBuffer. */
export interface SessionMessageEvent extends Event {
  readonly data: string | ArrayBuffer;
}

/** A value that the server has sent with send_var(): of JSON, or the bytes of what var_to_bytes() of the engine made. */
export interface SessionValueEvent extends Event {
  readonly data: any;
}

/** The session is over: the close code and reason (RFC 6455 section 7.4); 1006 where the connection was lost. */
export interface SessionCloseEvent extends Event {
  readonly code: number;
  readonly reason: string;
}

export interface SessionEvents {
  /** A session, or a plain connection, begins. After "close" it is another one, with a server that did not know the last. */
  open: Event;
  /** The connection was cut. What is sent meanwhile is kept. */
  interrupted: Event;
  /** The connection is back, and nothing is lost. What was on the way comes after this. */
  resumed: Event;
  /** There is room again, after send() has given false. */
  drained: Event;
  message: SessionMessageEvent;
  value: SessionValueEvent;
  close: SessionCloseEvent;
}

/** Numbers of Godot's `Error` that requests fail with. */
export declare const ErrorCode: Readonly<{
  FAILED: 1;
  ERR_UNAVAILABLE: 2;
  ERR_OUT_OF_MEMORY: 6;
  ERR_TIMEOUT: 24;
  ERR_CONNECTION_ERROR: 27;
  ERR_INVALID_DATA: 30;
  ERR_INVALID_PARAMETER: 31;
  ERR_METHOD_NOT_FOUND: 37;
  ERR_SCRIPT_FAILED: 39;
  ERR_BUSY: 44;
  ERR_SKIP: 45;
}>;

/** Why a request has failed. A handler that throws one answers with it; other errors are told as ERR_SCRIPT_FAILED. */
export declare class SessionError extends Error {
  constructor(code: number, message: string);
  /** A number of Godot's `Error`, such as those of ErrorCode. */
  readonly code: number;
}

/** A client of a server with sessions, which connects at once. With any other server it is a plain WebSocket. */
export declare class SessionClient extends EventTarget {
  /** Throws SyntaxError where the URL is none, and TypeError where there is no WebSocket. */
  constructor(url: string, options?: SessionOptions);

  /** Whether what is sent will be on its way: from "open" until close() or "close", cuts included. */
  readonly isOpen: boolean;
  /** Whether there is a session; false as long as that is not known, and with a server that has none. */
  readonly hasSession: boolean;
  /** What the server knows this client by; 0 as long as that is not known. */
  readonly peerId: number;
  /** The application's part of the subprotocol; "" for none. */
  readonly protocol: string;
  /** Bytes that were sent and are not acknowledged; without a session, that have not left. */
  readonly bufferedAmount: number;
  /** The server's clock, its `server_time`, in seconds; 0 as long as it is not known. It does not go back. */
  readonly serverTime: number;
  /** By how many seconds `serverTime` may be off, at the most; Infinity as long as it is not known. */
  readonly clockError: number;
  /** Seconds from here to the server and back, the shortest of the last samples of its clock; 0 while there are none. */
  readonly latency: number;

  /**
   * Send a message, also before "open" and while the connection is cut. False where it was not taken: there is no room
   * until "drained", or the client is closed. Throws RangeError where it is longer than bufferSize.
   */
  send(data: string | ArrayBuffer | ArrayBufferView): boolean;

  /**
   * Send a value, which a server in the engine is told as `var_received`: of what JSON has, or bytes of `var_to_bytes()`.
   * False as of send(), and without a session. Throws as send(), and TypeError where JSON has no form for it.
   */
  sendVar(value: unknown): boolean;

  /**
   * Ask the server. Data is what JSON has, or bytes; the reply likewise, bytes as an ArrayBuffer.
   * Rejected with a SessionError after `timeout` seconds at the latest, and when `signal` cancels it.
   */
  request<Reply = any>(method: string, data?: unknown, timeout?: number, signal?: AbortSignal): Promise<Reply>;

  /** Have a function answer the server's requests for `method`: what it returns, or promises, is the reply. null: nobody does. */
  handle(method: string, handler: ((data: any) => unknown) | null): void;

  /** End the session. What was sent still leaves, unless the connection breaks meanwhile. Codes: 1000, and 3000 to 4999. */
  close(code?: number, reason?: string): void;

  addEventListener<Name extends keyof SessionEvents>(
    name: Name,
    listener: ((event: SessionEvents[Name]) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(name: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
}
