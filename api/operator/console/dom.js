// Elements, made in one line. What strangers wrote is only ever set as text.

export const element = (id) => document.getElementById(id);

/** Make an element; names with a dash, and those of ARIA and forms, become attributes. */
export function made(tag, properties = {}, ...children) {
  const one = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name in one) one[name] = value;
    else one.setAttribute(name, value === true ? "" : value);
  }
  one.append(...children.filter((child) => child !== null && child !== undefined));
  return one;
}

/** Set text only where it is another, so that a screen reader hears of changes alone. */
export function say(one, text) {
  if (one.textContent !== text) one.textContent = text;
}

/** A name that strangers chose: cut by the style sheet where it is long, whole in `title`. */
export function named(text, href = "", title = text) {
  const shown = made("bdi", { className: "name", textContent: text, title });
  return href ? made("a", { className: "name", href, title }, shown) : shown;
}

/** A list of facts with their names, written anew only where one has changed. */
export class Facts {
  #rows = new Map();
  element = made("dl", { className: "facts" });

  /** Pairs of a name and a value: a text, or `{text, href}`. What has no value is left out. */
  show(pairs) {
    for (const [name, value] of pairs) {
      const row = this.#row(name);
      row.element.hidden = value === undefined || value === null || value === "";
      if (value?.href) {
        row.link ??= made("a");
        if (!row.link.isConnected) row.told.replaceChildren(row.link);
        if (row.link.getAttribute("href") !== value.href) row.link.href = value.href;
        say(row.link, value.text);
      } else if (!row.element.hidden) say(row.told, String(value));
    }
  }

  #row(name) {
    if (!this.#rows.has(name)) {
      const told = made("dd", { dir: "auto" });
      const row = { told, element: made("div", {}, made("dt", { textContent: name }), told) };
      this.element.append(row.element);
      this.#rows.set(name, row);
    }
    return this.#rows.get(name);
  }
}

/** A text field, choice or box of ticks with its label. */
export function field(label, input) {
  return made("label", { className: "field" }, made("span", { textContent: label }), input);
}

export function button(text, act, properties = {}) {
  const one = made("button", { type: "button", textContent: text, ...properties });
  one.addEventListener("click", act);
  return one;
}

/** Call `act` once nothing has happened for a third of a second. */
export function settled(act) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(act, 300);
  };
}
