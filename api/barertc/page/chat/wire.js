/**
 * The connection to the server: messages go out and come in, over a websocket or by polling.
 *
 * Links are opened by Wire, one after the other. A link calls `opened()`, `received(message)` and
 * once `closed()`; it never opens again.
 */

import { address } from "./dom.js";

/** Before each try to connect again, in seconds; after the last one it is given up. */
export const PAUSES = [0.5, 1, 2, 4, 8, 15, 30, 30, 30, 30];
const CONNECT_MS = 10_000;
/** The server says something every 30 s. */
const SILENCE_MS = 75_000;
const LASTING_MS = 5_000;

class SocketLink {
  /** How much may wait to be sent, in bytes, before more is refused. */
  static MAX_WAITING = 48 * 1024 * 1024;

  #socket;
  #handlers;
  #timer;

  constructor(handlers) {
    this.#handlers = handlers;
    const url = address("ws");
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#end(), CONNECT_MS);
    socket.onopen = () => {
      this.#expectWords();
      handlers.opened();
    };
    socket.onmessage = ({ data }) => {
      this.#expectWords();
      handlers.received(JSON.parse(data));
    };
    socket.onclose = () => this.#end();
  }

  send(message) {
    const socket = this.#socket;
    if (socket.readyState !== WebSocket.OPEN) return false;
    if (socket.bufferedAmount > SocketLink.MAX_WAITING) return false;
    socket.send(JSON.stringify(message));
    return true;
  }

  close() {
    clearTimeout(this.#timer);
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close(1000);
  }

  #expectWords() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end(), SILENCE_MS);
  }

  #end() {
    this.close();
    this.#handlers.closed();
  }
}

/** One POST after the other: what is to be said, or a ping to hear what has come. */
class PollLink {
  static SLOW_MS = 5_000;
  /** While something goes on, as the set-up of a webcam, it asks more often. */
  static FAST_MS = 700;
  static LIVELY_MS = 15_000;
  /** So much later the server may have forgotten us. */
  static FORGOTTEN_MS = 30_000;

  #handlers;
  #name = "";
  #session = "";
  /** Before login nothing but the login is heard by a server that knows no session. */
  #held = [];
  #queue = [];
  #busy = false;
  #ended = false;
  #timer = 0;
  #livelyUntil = 0;
  #answeredAt = performance.now();

  constructor(handlers) {
    this.#handlers = handlers;
    setTimeout(() => this.#ended || handlers.opened());
  }

  send(message) {
    if (this.#ended) return false;
    const known = this.#session || message.action === "login";
    (known ? this.#queue : this.#held).push(message);
    if (known && message.action !== "quality") this.#liven();
    this.#work();
    return true;
  }

  close() {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  #liven() {
    this.#livelyUntil = performance.now() + PollLink.LIVELY_MS;
  }

  async #work() {
    if (this.#busy || this.#ended) return;
    clearTimeout(this.#timer);
    const message = this.#queue.shift() ?? (this.#session ? { action: "ping" } : null);
    if (!message) return;
    this.#busy = true;
    const good = await this.#ask(message);
    this.#busy = false;
    if (this.#ended) return;
    if (!good) {
      this.close();
      this.#handlers.closed();
    } else if (this.#queue.length) this.#work();
    else {
      const lively = performance.now() < this.#livelyUntil;
      const pause = lively ? PollLink.FAST_MS : PollLink.SLOW_MS;
      this.#timer = setTimeout(() => this.#work(), pause);
    }
  }

  /** Returns false when this link is at its end. */
  async #ask(msg) {
    let status, answer;
    try {
      const response = await fetch(address("poll"), {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ username: this.#name, session_id: this.#session, msg }),
        signal: AbortSignal.timeout(msg.action === "file" ? 120_000 : 20_000),
      });
      status = response.status;
      answer = await response.json();
    } catch {
      return false;
    }
    if (this.#ended) return true;
    const away = performance.now() - this.#answeredAt;
    this.#answeredAt = performance.now();
    if (status >= 500 || (status !== 200 && away > PollLink.FORGOTTEN_MS)) return false;
    this.#name = answer.username || this.#name;
    this.#session = answer.session_id || this.#session;
    if (this.#session) this.#queue.push(...this.#held.splice(0));
    for (const message of answer.messages ?? []) {
      if (message.action !== "ping") this.#liven();
      if (!this.#ended) this.#handlers.received(message);
    }
    return status === 200 || Boolean(answer.messages?.length);
  }
}

/**
 * A connection that opens again by itself until `close`.
 *
 * Handlers: `opened()`, `received(message)`, `lost(failures)` when it ends unasked and is tried
 * again, `gaveUp()` after the last try.
 */
export class Wire {
  #handlers;
  #link = null;
  #wanted = false;
  #polling = false;
  #asksToPoll = false;
  #everSocket = false;
  #openedAt = 0;
  #failures = 0;
  #timer = 0;

  constructor(handlers) {
    this.#handlers = handlers;
    window.addEventListener("online", () => this.#retryNow());
    document.addEventListener("visibilitychange", () => document.hidden || this.#retryNow());
  }

  open({ polling = false } = {}) {
    this.close();
    this.#asksToPoll = polling;
    this.#wanted = true;
    this.#failures = 0;
    this.#connect();
  }

  close() {
    this.#wanted = false;
    clearTimeout(this.#timer);
    this.#link?.close();
    this.#link = null;
    this.#openedAt = 0;
  }

  /** False when there is no connection to send it on. */
  send(message) {
    return Boolean(this.#openedAt) && this.#link.send(message);
  }

  #connect() {
    // Something on the way may let no websocket through: every other try is one that passes.
    this.#polling = this.#asksToPoll || (!this.#everSocket && this.#failures % 2 === 1);
    const Link = this.#polling ? PollLink : SocketLink;
    const link = new Link({
      opened: () => {
        this.#openedAt = performance.now();
        this.#everSocket ||= !this.#polling;
        this.#handlers.opened();
      },
      received: (message) => this.#link === link && this.#handlers.received(message),
      closed: () => this.#link === link && this.#closed(),
    });
    this.#link = link;
  }

  #closed() {
    const lasted = this.#openedAt && performance.now() - this.#openedAt > LASTING_MS;
    this.#link = null;
    this.#openedAt = 0;
    if (lasted) this.#failures = 0;
    if (this.#failures >= PAUSES.length) {
      this.#wanted = false;
      this.#handlers.gaveUp();
      return;
    }
    const pause = PAUSES[this.#failures] * (0.75 + 0.25 * Math.random());
    this.#failures += 1;
    this.#timer = setTimeout(() => this.#connect(), pause * 1000);
    this.#handlers.lost(this.#failures);
  }

  #retryNow() {
    if (!this.#wanted || this.#link) return;
    clearTimeout(this.#timer);
    this.#connect();
  }
}
