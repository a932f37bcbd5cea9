/** Small tools: elements, announcements, storages, lists that one walks by arrow keys. */

export const byId = (id) => document.getElementById(id);

/** An address below the base path of this page. */
export const address = (path) => new URL(path, document.baseURI);

/** UTF-16 units that are looked at of a text of which one line is shown. */
const LONGEST_LINE = 4_000;
const GRAPHEMES = new Intl.Segmenter();

/** What a reader takes for the letters of a text: an emoji family is one of them. */
export const letters = (text) => [...GRAPHEMES.segment(text)].map(({ segment }) => segment);

/** Untrusted text as one short line; only what turns its direction around is taken out. */
export function line(text, limit = 200) {
  const flat = (typeof text === "string" ? text : "")
    .slice(0, LONGEST_LINE)
    .replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "")
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim();
  const all = letters(flat);
  return all.length > limit ? `${all.slice(0, limit - 1).join("")}…` : flat;
}

/** Make an element: properties are set, children are appended as text or as they are. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "use"));
  svg.firstChild.setAttribute("href", `#icon-${name}`);
  return svg;
}

export function setIcon(element, name) {
  element.querySelector("use").setAttribute("href", `#icon-${name}`);
}

/** Name a button that shows an icon alone, for ears and, by pointing at it, for eyes. */
export function label(button, words) {
  button.ariaLabel = button.title = words;
}

export function showProblem(element, text) {
  element.textContent = text;
  element.hidden = !text;
}

/** Say something to screen readers alone. */
export function tell(text) {
  byId("announcements").textContent = text;
}

/** Say something once, to eyes and to screen readers. */
export function announce(text) {
  tell(text);
  const toast = make("p", { dir: "auto" }, text);
  byId("toasts").append(toast);
  while (byId("toasts").childElementCount > 3) byId("toasts").firstElementChild.remove();
  setTimeout(() => toast.remove(), 5_000);
}

/** Show one view and move the reading position to its heading. */
export function showView(name) {
  for (const view of document.querySelectorAll(".view")) view.hidden = view.id !== name;
  byId(name).querySelector("h1").focus({ preventScroll: true });
}

/** Remember texts in a storage of the browser; one that forbids it just forgets. */
class Memory {
  #storage;

  constructor(storage) {
    this.#storage = storage;
  }

  get(key) {
    try {
      return window[this.#storage].getItem(`quintet.chat.${key}`) ?? "";
    } catch {
      return "";
    }
  }

  set(key, value) {
    try {
      if (value) window[this.#storage].setItem(`quintet.chat.${key}`, value);
      else window[this.#storage].removeItem(`quintet.chat.${key}`);
    } catch {
      /* private mode, or full */
    }
  }

  /** What was kept by `setAll`; something else in its place counts for nothing. */
  getAll(key) {
    try {
      const kept = JSON.parse(this.get(key) || "[]");
      return Array.isArray(kept) ? kept.filter((item) => typeof item === "string") : [];
    } catch {
      return [];
    }
  }

  setAll(key, values) {
    const kept = [...values];
    this.set(key, kept.length ? JSON.stringify(kept) : "");
  }
}
export const memory = new Memory("localStorage");
export const memoryOfTab = new Memory("sessionStorage");

/**
 * One stop of Tab for a long list: the arrows, Home and End go from row to row.
 *
 * `stops` selects what takes the focus in a row; they are made with tabIndex -1, and those of the
 * row that had the focus last get 0. `box` is what scrolls, and may have the focus itself.
 * A list whose rows change calls the function that this returns.
 */
export function walkable(list, stops, box = list) {
  let current = null;
  const isRow = (row) => row?.parentElement === list && !row.hidden && row.querySelector(stops);
  const enter = (row, tabIndex) => {
    for (const stop of row?.querySelectorAll(stops) ?? []) stop.tabIndex = tabIndex;
  };
  const goTo = (row) => {
    if (row !== current) enter(current, -1);
    current = row;
    enter(row, 0);
  };
  const settle = () => {
    if (isRow(current)) return enter(current, 0);
    const rows = [...list.children];
    return goTo((box.getAttribute("role") === "log" ? rows.reverse() : rows).find(isRow) ?? null);
  };
  box.addEventListener("focusin", (event) => {
    const row = event.target.closest("li");
    if (row !== current && isRow(row)) goTo(row);
  });
  box.addEventListener("keydown", (event) => {
    if (event.target.closest("select, input, textarea, iframe")) return;
    const rows = [...list.children].filter(isRow);
    const at = rows.indexOf(event.target.closest("li"));
    const up = at < 0 ? rows.length - 1 : at - 1;
    const to = { ArrowUp: up, ArrowDown: at + 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to === undefined || !rows.length) return;
    event.preventDefault();
    const row = rows[Math.min(Math.max(to, 0), rows.length - 1)];
    goTo(row);
    row.querySelector(stops).focus();
    row.scrollIntoView({ block: "nearest" });
  });
  return settle;
}
