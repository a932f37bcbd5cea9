// The figures at the top of the page, with the lines of the last half hour.

import { made, say } from "./dom.js";
import { bits, milliseconds, NONE, number, percent, since } from "./format.js";

const each = (counts) => Object.entries(counts ?? {}).filter(([, count]) => count)
  .map(([dialect, count]) => `${dialect} ${count}`).join(", ");

/** `of(sample, summary)` is the value; `line` names what of the samples is drawn. */
const FIGURES = [
  { label: "People", line: "people", shown: number, of: ({ people }) => people, more: ({ people }) => each(people) },
  { label: "Rooms", line: "rooms", shown: number, of: ({ rooms }) => rooms, more: ({ rooms }) => each(rooms) },
  { label: "Streams", line: "streams", shown: number, of: ({ streams }) => streams },
  { label: "Recordings", shown: number, of: (_, { recordings }) => recordings, href: "#recordings" },
  { label: "Warnings", shown: number, of: (_, { warnings }) => warnings, bad: Boolean, href: "#log?level=warning" },
  { label: "Errors", shown: number, of: (_, { errors }) => errors, bad: Boolean, href: "#log?level=error" },
  { label: "Bitrate in", line: "in", shown: bits, of: (now) => now.in },
  { label: "Bitrate out", line: "out", shown: bits, of: ({ out }) => out },
  { label: "Loss", line: "loss", shown: percent, of: ({ loss }) => loss, bad: (value) => value > 0.03 },
  { label: "CPU", line: "cpu", shown: percent, of: ({ cpu }) => cpu },
  { label: "Longest hold", title: "Longest that a task held the event loop", line: "hold", shown: milliseconds, of: ({ hold }) => hold, bad: (value) => value > 1 },
  { label: "Up", shown: since, of: (_, summary) => summary.since, more: ({ version }) => `version ${version}` },
];

export class Figures {
  #boxes = new Map();

  constructor(place) {
    this.place = place;
  }

  show(history, summary) {
    const now = history.samples.at(-1);
    for (const figure of FIGURES) {
      const value = figure.of(now, summary);
      const box = this.#box(figure);
      box.element.classList.toggle("bad", Boolean(figure.bad?.(value)));
      say(box.value, value === null || value === undefined ? NONE : figure.shown(value));
      say(box.more, figure.more?.(summary) ?? "");
      if (figure.line) box.line.replaceChildren(history.line(figure.line, figure.label, figure.shown));
    }
  }

  clear() {
    this.#boxes.clear();
    this.place.replaceChildren();
  }

  #box({ label, href, title }) {
    if (!this.#boxes.has(label)) {
      const [value, more, line] = [made("strong"), made("small"), made("div", { className: "line" })];
      const name = href ? made("a", { href, textContent: label }) : made("span", { textContent: label });
      const one = made("div", { className: "figure", title }, value, name, more, line);
      this.place.append(one);
      this.#boxes.set(label, { element: one, value, more, line });
    }
    return this.#boxes.get(label);
  }
}
