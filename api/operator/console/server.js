// The server's answers, asked for with the token of this tab.

const TOKEN = "quintet.operator.token";
const NAME = "quintet.operator.name";
const HERE = location.pathname.replace(/\/*$/, "/");
const LONGEST_EVENT = 1 << 20; // characters of the log's stream that wait for their end

/** A refusal, with its `status` and `code`. */
export class ServerRefused extends Error {
  constructor(status, { code, message }) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export class Server {
  get token() { return sessionStorage.getItem(TOKEN) ?? ""; }
  set token(value) {
    if (value) sessionStorage.setItem(TOKEN, value);
    else sessionStorage.removeItem(TOKEN);
  }

  /** Who orders, for the log: what was last given as "your name". */
  get operator() { return sessionStorage.getItem(NAME) ?? ""; }
  set operator(value) { sessionStorage.setItem(NAME, value); }

  async ask(path, { query = {}, ...options } = {}) {
    const headers = { Authorization: `Bearer ${this.token}`, ...options.headers };
    const given = Object.entries(query).filter(([, value]) => value !== "" && value !== undefined);
    const where = `${HERE}${path}${given.length ? `?${new URLSearchParams(given)}` : ""}`;
    const answer = await fetch(where, { ...options, headers, cache: "no-store" });
    if (answer.ok) return answer;
    throw new ServerRefused(answer.status,
      await answer.json().catch(() => ({ code: "", message: answer.statusText })));
  }

  async get(path, query = {}) { return (await this.ask(path, { query })).json(); }

  /** Give an order, signed with the operator's name where there is one. */
  order(method, path, body) {
    const headers = this.operator ? { "X-Operator": inBytes(this.operator) } : {};
    if (body) headers["Content-Type"] = "application/json";
    return this.ask(path, { method, headers, body: body && JSON.stringify(body) });
  }

  /** Sums of the metrics by name, over all labels. */
  async metrics() {
    const sums = new Map();
    const text = await (await this.ask("metrics")).text();
    for (const [, name, value] of text.matchAll(/^([a-z_]+)(?:\{.*\})? (\S+)$/gm)) {
      sums.set(name, (sums.get(name) ?? 0) + Number(value));
    }
    return sums;
  }

  /** Everything of a paged list, at most `most` entries. */
  async all(path, things, query = {}, most = 10_000) {
    const found = [];
    for (let page = 1; found.length < most; page += 1) {
      const answer = await this.get(path, { ...query, page, per_page: 500 });
      found.push(...answer[things]);
      if (!answer[things].length || found.length >= answer.total) break;
    }
    return found;
  }

  /**
   * Yield the events of a stream as `{event, data}` until it ends or `signal` stops it. The first one
   * is `open`: with its first words the server says that from now on nothing is missed.
   */
  async *events(path, query, signal) {
    const answer = await this.ask(path, { query, signal });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    let open = false;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      if (!open) yield { event: "open", data: "" };
      open = true;
      text += value;
      const blocks = text.split(/\r?\n\r?\n/);
      text = blocks.pop();
      if (text.length > LONGEST_EVENT) throw new Error("an event without an end");
      for (const block of blocks) {
        const event = eventOf(block);
        if (event) yield event;
      }
    }
  }
}

/** One event of a text/event-stream; null for a comment. */
export function eventOf(block) {
  const lines = block.split(/\r?\n/).map((line) => line.match(/^([^:]+):? ?(.*)$/)).filter(Boolean);
  const of = (name) => lines.filter(([, key]) => key === name).map(([, , value]) => value);
  if (!of("data").length) return null;
  return { event: of("event")[0] ?? "message", data: of("data").join("\n") };
}

/** A text as headers take it: the characters stand for its bytes in UTF-8. */
function inBytes(text) {
  return String.fromCharCode(...new TextEncoder().encode(text));
}
