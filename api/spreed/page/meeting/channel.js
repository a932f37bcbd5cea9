import { address } from "./page.js";
import { ROOM_CLOSED } from "./refusals.js";

/** `code` says why, in one word; a room that is closed has the operator's `reason` and `seconds`. */
export class Refused extends Error {
  constructor(code, { Message: message, Reason: reason, Seconds: seconds } = {}) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.seconds = seconds;
  }
}

/** `Reason` is the more exact code, where there is one; but see Refused. */
const codeOf = ({ Code: code, Reason: reason }) =>
  code === ROOM_CLOSED ? code : (reason ?? code);

/**
 * The channelling websocket. It opens again by itself until `close`, and asks for the same id.
 *
 * Handlers: `ready(self)` each time a connection is greeted, `message(data, from)` for everything
 * that is not an answer, `lost({restarting, greeted})` when a connection ends unasked.
 */
export class Channel {
  static PROBE_AFTER_MS = 5_000;
  static DEAD_AFTER_MS = 6_500; // after the probe: 11.5 s of silence in all
  static ANSWER_MS = 10_000;

  #handlers;
  #wanted = false;
  #socket = null;
  #greetedAt = 0;
  #token = "";
  #heard = 0;
  #probed = 0;
  #failures = 0;
  #answers = new Map();
  #count = 0;
  #timers = { retry: 0, pulse: 0, refresh: 0, connect: 0 };

  constructor(handlers) {
    this.#handlers = handlers;
    window.addEventListener("online", () => this.#retryNow());
  }

  get ready() {
    return this.#greetedAt > 0;
  }

  open() {
    this.#wanted = true;
    if (!this.#socket) this.#connect();
  }

  /** End for good: the next `open` starts as somebody new. */
  close() {
    this.pause();
    this.#token = "";
  }

  /** End, but keep the identity for the next `open`. */
  pause() {
    this.#wanted = false;
    this.#detach(1000);
  }

  /** Give this connection up and open another after the usual delay. */
  drop({ restarting = false } = {}) {
    if (this.#socket) this.#lost(restarting);
  }

  /** Send one document; false when there is no connection to send it on. */
  send(type, document, extra = {}) {
    if (!this.ready || this.#socket.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify({ Type: type, [type]: document, ...extra }));
    return true;
  }

  /** Ask for a direct answer. Rejects with Refused; code `no_answer` when none comes. */
  request(type, document) {
    const iid = `${++this.#count}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#answer(iid, null), Channel.ANSWER_MS);
      this.#answers.set(iid, { resolve, reject, timer });
      if (!this.send(type, document, { Iid: iid })) this.#answer(iid, null);
    });
  }

  #connect() {
    const url = address("ws");
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    if (this.#token) url.searchParams.set("t", this.#token);
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code }) => this.#lost(code === 1001);
    this.#timers.connect = setTimeout(() => this.#lost(false), Channel.ANSWER_MS);
  }

  #receive(text) {
    this.#heard = performance.now();
    this.#probed = 0;
    const { Data: data, From: from, Iid: iid } = JSON.parse(text);
    if (iid && this.#answers.has(iid)) this.#answer(iid, data);
    else if (data?.Type === "Self") this.#greet(data);
    else if (data) this.#handlers.message(data, from ?? "");
  }

  #greet(self) {
    clearTimeout(this.#timers.connect);
    this.#greetedAt = performance.now();
    this.#timers.pulse = setInterval(() => this.#pulse(), 1_000);
    this.#know(self);
    this.#handlers.ready(self);
  }

  /** Keep the token, and fetch fresh TURN credentials before the present ones end. */
  #know(self) {
    this.#token = self.Token;
    clearTimeout(this.#timers.refresh);
    if (!self.Turn?.ttl) return;
    this.#timers.refresh = setTimeout(
      async () => {
        const fresh = await this.request("Self", { Type: "Self" }).catch(() => null);
        if (fresh) this.#know(fresh);
        if (fresh) this.#handlers.refreshed(fresh);
      },
      Math.min(Math.max(self.Turn.ttl * 900, 30_000), 2 ** 31 - 1),
    );
  }

  #pulse() {
    const now = performance.now();
    if (this.#probed && now - this.#probed > Channel.DEAD_AFTER_MS) this.#lost(false);
    else if (!this.#probed && now - this.#heard > Channel.PROBE_AFTER_MS) {
      this.#probed = now;
      this.send("Alive", { Type: "Alive", Alive: Date.now() });
    }
  }

  #answer(iid, data) {
    const { resolve, reject, timer } = this.#answers.get(iid) ?? {};
    if (!this.#answers.delete(iid)) return;
    clearTimeout(timer);
    if (!data) reject(new Refused("no_answer"));
    else if (data.Type === "Error") reject(new Refused(codeOf(data), data));
    else resolve(data);
  }

  #lost(restarting) {
    const greeted = this.ready;
    const lasted = greeted && performance.now() - this.#greetedAt > 5_000;
    this.#failures = lasted ? 0 : this.#failures + 1;
    this.#detach();
    if (!this.#wanted) return;
    const ceiling = Math.min(5_000, 500 * 1.8 ** Math.max(0, this.#failures - 1));
    this.#timers.retry = setTimeout(() => this.#connect(), ceiling * (0.7 + 0.3 * Math.random()));
    this.#handlers.lost({ restarting, greeted });
  }

  #retryNow() {
    if (!this.#wanted || this.#socket) return;
    clearTimeout(this.#timers.retry);
    this.#connect();
  }

  #detach(code) {
    const socket = this.#socket;
    this.#socket = null;
    this.#greetedAt = this.#probed = 0;
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    for (const iid of [...this.#answers.keys()]) this.#answer(iid, null);
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    socket.close(code);
  }
}
