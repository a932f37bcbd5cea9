// A table that changes while it is looked at: rows keep their place in the page, the focus and what
// a screen reader reads, and only cells that say something else are written again.

import { button, made, named, say } from "./dom.js";
import { NONE } from "./format.js";
import { saveRows } from "./export.js";

/**
 * Columns are `{label, cell(row), sort, value(row), number, wide}`: `sort` names the order that the
 * heading asks for, `wide` ones are left out on a phone,
 * `main` ones get the room that is left there, and `roomy` ones have more of it elsewhere. A cell is a text, or `{text, href, name,
 * bad, title, good}`, or `{buttons: [[label, description, action]]}`.
 *
 * `options`: `key(row)` tells rows apart; `sorted(key, order)` is called when a heading is pressed,
 * without it rows are sorted here, by `value`; `act(action, row)` is called by buttons in cells;
 * `rows()` returns all rows to be saved, without it those that are shown.
 */
export class Table {
  #columns;
  #options;
  #rows = new Map(); // key → {line, row, cells}
  #shown = [];
  #body = made("tbody");
  #heads = [];
  #empty;

  constructor(caption, columns, options) {
    this.#columns = columns;
    this.#options = options;
    this.sort = options.sort ?? "";
    this.order = options.order ?? "asc";
    this.caption = made("caption", { textContent: caption });
    this.#empty = made("p", { className: "hint", textContent: options.empty ?? "None.", hidden: true });
    const head = made("tr", {}, ...columns.map((column) => this.#head(column)));
    this.grid = made("table", {}, this.caption, made("thead", {}, head), this.#body);
    this.scroll = made("div", {
      className: "scroll", hidden: true, tabIndex: 0, role: "region", "aria-label": `${caption}, table`,
    }, this.grid);
    this.element = made("div", { className: "table" }, this.scroll, this.#empty);
    if (options.name) this.element.append(this.#saving(caption));
    this.#body.addEventListener("click", (event) => this.#pressed(event));
    this.#mark();
  }

  /** Show rows in their order, or sorted by the heading that was pressed. */
  show(rows) {
    this.#shown = this.#options.sorted ? rows : this.#ordered(rows);
    const focused = this.#body.contains(document.activeElement) ? document.activeElement : null;
    const at = focused ? [...this.#body.rows].indexOf(focused.closest("tr")) : -1;
    const keys = new Set();
    this.#shown.forEach((row, place) => {
      const key = this.#options.key(row);
      keys.add(key);
      const known = this.#rows.get(key) ?? this.#line(key);
      this.#fill(known, row);
      if (this.#body.rows[place] !== known.line) this.#body.insertBefore(known.line, this.#body.rows[place] ?? null);
    });
    for (const [key, { line }] of this.#rows) {
      if (!keys.has(key)) {
        line.remove();
        this.#rows.delete(key);
      }
    }
    this.scroll.hidden = !rows.length;
    this.#empty.hidden = rows.length > 0;
    if (focused && document.activeElement !== focused) this.#refocus(focused, at);
  }

  /** Give the focus back where it was, else to what stands there now. */
  #refocus(focused, at) {
    if (focused.isConnected) return focused.focus({ preventScroll: true });
    const [line] = [...this.#body.rows].slice(at, at + 1);
    const near = (line ?? this.#body.rows[this.#body.rows.length - 1])?.querySelector("button, a");
    return (near ?? this.#options.heading?.() ?? this.scroll).focus({ preventScroll: true });
  }

  #head(column) {
    const cell = made("th", { scope: "col", className: classes(column) });
    if (column.sort) {
      const press = button(column.label, () => this.#sortBy(column));
      cell.append(press);
      this.#heads.push([column, cell]);
    } else if (column.label) cell.textContent = column.label;
    else cell.append(made("span", { className: "quiet", textContent: "Orders" }));
    return cell;
  }

  #sortBy({ sort, first = "asc" }) {
    this.order = this.sort !== sort ? first : this.order === "asc" ? "desc" : "asc";
    this.sort = sort;
    this.#mark();
    if (this.#options.sorted) this.#options.sorted(this.sort, this.order);
    else this.show(this.#shown);
  }

  #mark() {
    for (const [column, cell] of this.#heads) {
      if (column.sort === this.sort) {
        cell.setAttribute("aria-sort", this.order === "asc" ? "ascending" : "descending");
      } else cell.removeAttribute("aria-sort");
    }
  }

  #ordered(rows) {
    const column = this.#columns.find(({ sort }) => sort && sort === this.sort);
    if (!column) return rows;
    const way = this.order === "asc" ? 1 : -1;
    return [...rows].sort((one, other) => way * compare(column.value(one), column.value(other)));
  }

  #line(key) {
    const cells = this.#columns.map((column, place) => (
      place ? made("td", { className: classes(column) })
        : made("th", { scope: "row", className: classes(column) })));
    const known = { line: made("tr", {}, ...cells), cells: cells.map((cell) => ({ cell, said: "" })) };
    known.line.dataset.key = key;
    this.#rows.set(key, known);
    return known;
  }

  #fill(known, row) {
    known.row = row;
    known.cells.forEach((place, at) => {
      const content = this.#columns[at].cell(row);
      const said = JSON.stringify(content ?? NONE);
      if (said === place.said) return;
      place.said = said;
      write(place.cell, content ?? NONE, this.#columns[at]);
    });
  }

  #pressed(event) {
    const pressed = event.target.closest("button[data-action]");
    if (!pressed) return;
    const { row } = this.#rows.get(pressed.closest("tr").dataset.key);
    this.#options.act(pressed.dataset.action, row, pressed);
  }

  #saving(caption) {
    const as = (kind) => button(kind.toUpperCase(), async () => {
      const rows = this.#options.rows ? await this.#options.rows() : this.#shown;
      if (rows) saveRows(this.#options.name, rows, kind);
    }, { "aria-label": `${caption} as ${kind.toUpperCase()}` });
    return made("div", { className: "saving" }, as("csv"), as("json"));
  }
}

function classes({ number, wide, main, roomy }) {
  return [number && "number", wide && "wide", main && "main", roomy && "roomy"].filter(Boolean).join(" ");
}

function compare(one, other) {
  if (typeof one === "number" || typeof other === "number") return (one ?? -1) - (other ?? -1);
  return String(one ?? "").localeCompare(String(other ?? ""));
}

/** Put what a column says into its cell; buttons that stay keep the focus. */
function write(cell, content, column) {
  const { text = "", href, name, bad, rating, title, buttons, indent } = typeof content === "object" ? content : { text: content };
  cell.className = [classes(column), bad && "bad", rating && `rated ${rating}`].filter(Boolean).join(" ");
  if (buttons) {
    const old = [...cell.querySelectorAll("button")];
    cell.replaceChildren(...buttons.map(([label, description, action]) => {
      const one = old.find(({ dataset }) => dataset.action === action)
        ?? made("button", { type: "button" });
      one.dataset.action = action;
      say(one, label);
      one.setAttribute("aria-label", description);
      return one;
    }));
  } else if (href || name) cell.replaceChildren(named(String(text), href, title));
  else {
    say(cell, String(text));
    if (title) cell.title = title;
  }
  if (indent !== undefined) cell.dataset.depth = Math.min(indent, 8);
}

/** Buttons to go through the pages of a long list. */
export class Pager {
  constructor(turned) {
    this.page = 1;
    this.element = made("nav", { className: "row pager", "aria-label": "Pages", hidden: true });
    this.#where = made("span");
    this.#back = button("Previous", () => turned(this.page -= 1));
    this.#on = button("Next", () => turned(this.page += 1));
    this.element.append(this.#back, this.#where, this.#on);
  }

  #where;
  #back;
  #on;

  show(total, perPage) {
    const pages = Math.max(1, Math.ceil(total / perPage));
    this.page = Math.min(this.page, pages);
    this.element.hidden = pages === 1;
    say(this.#where, `Page ${this.page} of ${pages}, ${total} in all`);
    this.#back.disabled = this.page === 1;
    this.#on.disabled = this.page === pages;
  }
}
