// The log: the last warnings and errors, and every line as it comes.

import { button, field, made, say, settled } from "./dom.js";
import { timeOfDay } from "./format.js";
import { saveRows } from "./export.js";

const MOST_LINES = 1000;
const DRAW_MS = 250;
const AGAIN_MS = 3000;
const FIRST = new Set(["time", "level", "event"]);
const LEVELS = ["", "debug", "info", "warning", "error"];
const FILTERS = ["room", "peer", "dialect", "actor", "event"];

export class LogView {
  title = "Log";

  constructor(desk, given) {
    this.desk = desk;
    this.lines = []; // that are shown
    this.waiting = []; // that came while it was paused, or since it was drawn
    this.lost = 0; // of those that waited
    this.paused = false;
    const again = () => { this.#restart(); desk.refresh(); };
    this.level = made("select", {}, ...LEVELS.map((value) => made("option", { value, textContent: value || "all" })));
    this.level.value = given.level ?? "";
    this.level.addEventListener("change", again);
    this.inputs = Object.fromEntries(FILTERS.map((name) => [name,
      made("input", { type: "search", dir: "auto", value: given[name] ?? "" })]));
    for (const input of Object.values(this.inputs)) input.addEventListener("input", settled(again));
    this.pause = button("Pause", () => this.#toggle());
    this.state = made("span", { className: "hint", "aria-live": "polite" });
    this.came = made("span", { className: "hint" });
    this.list = lineList("Live log");
    this.troubles = lineList("Last warnings and errors");
    this.none = made("p", { className: "hint", textContent: "No warning and no error since the start, or none that the filters let through." });
    this.element = made("div", {},
      made("div", { className: "row tools", role: "group", "aria-label": "Filters" }, field("Level", this.level),
        ...FILTERS.map((name) => field(name[0].toUpperCase() + name.slice(1), this.inputs[name]))),
      made("div", { className: "row" }, made("h3", { textContent: "Live" }), this.pause,
        button("Clear", () => this.#clear()), this.state, this.came,
        ...["csv", "json"].map((kind) => button(kind.toUpperCase(), () => saveRows("log", this.lines, kind),
          { "aria-label": `Log as ${kind.toUpperCase()}` }))),
      this.list,
      made("h3", { textContent: "Last warnings and errors" }), this.none, this.troubles);
    this.drawing = setInterval(() => this.#draw(), DRAW_MS);
    this.#listen();
  }

  get #query() {
    return Object.fromEntries([["level", this.level.value],
      ...FILTERS.map((name) => [name, this.inputs[name].value.trim()])]);
  }

  async refresh() {
    const { entries } = await this.desk.server.get("log", this.#query);
    const said = JSON.stringify(entries);
    if (said === this.said) return;
    this.said = said;
    this.none.hidden = entries.length > 0;
    this.troubles.hidden = !entries.length;
    this.troubles.replaceChildren(...[...entries].reverse().map(lineOf));
  }

  leave() {
    clearInterval(this.drawing);
    this.ended = true;
    this.stream?.abort();
  }

  /** Follow the log until the view is left; begin again when the connection ends. */
  async #listen() {
    while (!this.ended) {
      const stream = this.stream = new AbortController();
      try {
        const events = this.desk.server.events("log/live", this.#query, stream.signal);
        for await (const { event, data } of events) {
          if (event === "open") say(this.state, "Following");
          else this.#take(event, data);
        }
      } catch (error) {
        if (error.status === 401 || error.status === 429) return this.desk.failed(error);
        if (error.status) this.desk.failed(error);
      }
      if (this.ended) return undefined;
      if (stream.signal.aborted) continue; // other filters
      say(this.state, "The log is cut off; trying again");
      await new Promise((resolve) => { setTimeout(resolve, AGAIN_MS); });
    }
    return undefined;
  }

  #restart() {
    this.#clear();
    say(this.state, "Connecting");
    this.stream?.abort();
  }

  #take(event, data) {
    const line = parsed(data);
    if (event === "dropped") {
      this.waiting.push({ time: new Date().toISOString(), level: "warning", event: `${line.lines} lines left out: this page was too slow` });
    } else this.waiting.push(line);
    if (this.waiting.length > MOST_LINES) {
      this.waiting.shift();
      this.lost += 1;
    }
  }

  #draw() {
    say(this.came, this.paused && this.waiting.length ? `${this.waiting.length + this.lost} new` : "");
    if (this.paused || !this.waiting.length) return;
    const below = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 40;
    this.list.append(...this.waiting.map(lineOf));
    this.lines.push(...this.waiting);
    this.waiting = [];
    this.lost = 0;
    const over = this.lines.length - MOST_LINES;
    if (over > 0) {
      this.lines.splice(0, over);
      for (const line of [...this.list.children].slice(0, over)) line.remove();
    }
    if (below) this.list.scrollTop = this.list.scrollHeight;
  }

  #toggle() {
    this.paused = !this.paused;
    say(this.pause, this.paused ? "Continue" : "Pause");
    this.#draw();
  }

  #clear() {
    this.lines = [];
    this.waiting = [];
    this.lost = 0;
    this.list.replaceChildren();
  }
}

/** A list that is scrolled by keys, and not read out while it grows. */
function lineList(label) {
  return made("ol", { className: "log", tabIndex: 0, "aria-label": label, "aria-live": "off" });
}

function parsed(data) {
  try {
    return JSON.parse(data);
  } catch {
    return { event: data };
  }
}

const shown = (value) => (typeof value === "string" ? value : JSON.stringify(value));

function lineOf(entry) {
  const values = Object.entries(entry).filter(([key]) => !FIRST.has(key));
  return made("li", { className: `level-${/^[a-z]+$/.test(entry.level) ? entry.level : "info"}` },
    made("time", { textContent: timeOfDay(entry.time), title: entry.time ?? "" }), " ",
    made("span", { className: "level", textContent: entry.level ?? "" }), " ",
    made("strong", { textContent: entry.event ?? "" }), " ",
    ...values.flatMap(([key, value]) => [made("span", { className: "key", textContent: `${key}=` }),
      made("bdi", { textContent: shown(value) }), " "]));
}
