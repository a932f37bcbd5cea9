/** Two dialogs: a menu of things to do, and a question with fields. Escape closes both. */

import { byId, make } from "./dom.js";
import { showFace } from "./people.js";

const menu = byId("menu");
let closed = null;

byId("menu-close").onclick = () => {
  menu.close();
};
menu.onclose = () => {
  closed?.();
  closed = null;
};
menu.onclick = (event) => {
  if (event.target === menu) menu.close(); // beside it
};

/**
 * items: {label, run, danger}; `run` is called when the menu has closed.
 * `emoji`: texts, given to `react`; `body`: nodes above the items; `person` shows a face.
 */
export function openMenu({ title, text = "", person = null, emoji = [], react, body = [], items, onclose = null }) {
  byId("menu-title").textContent = title;
  byId("menu-text").textContent = text;
  byId("menu-face").hidden = !person;
  if (person) showFace(byId("menu-face"), person.name, person);
  byId("menu-body").replaceChildren(...body);
  byId("menu-emoji").hidden = !emoji.length;
  byId("menu-emoji").replaceChildren(
    ...emoji.map((one) => button(one, () => react(one))),
  );
  byId("menu-items").replaceChildren(
    ...items.map(({ label, run, danger }) => {
      const made = button(label, run);
      made.classList.toggle("danger", Boolean(danger));
      return made;
    }),
  );
  closed = onclose;
  if (!menu.open) menu.showModal();
  (menu.querySelector("#menu-emoji button, #menu-items button") ?? byId("menu-close")).focus();
}

function button(label, run) {
  const made = make("button", { type: "button" }, label);
  made.onclick = () => {
    menu.close();
    run();
  };
  return made;
}

const dialog = byId("ask");
let resolve = null;

function settle(answer) {
  dialog.close();
  resolve?.(answer);
  resolve = null;
}

byId("ask-form").onsubmit = (event) => {
  event.preventDefault();
  const values = {};
  for (const field of byId("ask-fields").querySelectorAll("input, select, textarea")) {
    values[field.name] = field.type === "checkbox" ? field.checked : field.value.trim();
  }
  settle(values);
};
byId("ask-cancel").onclick = () => {
  settle(null);
};
dialog.oncancel = () => {
  settle(null);
};

/**
 * Ask something; returns the values of the fields by name, or null where one thought better of it.
 *
 * fields: {name, label, value, type (text, number, textarea, select, checkbox), options, required}.
 * A question still open is dismissed by the next one.
 */
export function ask({ title, text = "", action, fields = [], danger = false }) {
  settle(null);
  byId("ask-title").textContent = title;
  byId("ask-text").textContent = text;
  byId("ask-text").hidden = !text;
  byId("ask-ok").textContent = action;
  byId("ask-ok").classList.toggle("danger", danger);
  byId("ask-fields").replaceChildren(...fields.map(fieldOf));
  dialog.showModal();
  (byId("ask-fields").querySelector("input, select, textarea") ?? byId("ask-cancel")).focus();
  return new Promise((done) => {
    resolve = done;
  });
}

export function dismissAll() {
  settle(null);
  for (const open of document.querySelectorAll("dialog[open]")) open.close();
}

function fieldOf({ name, label, value = "", type = "text", options = [], required = false, maxLength = 500 }) {
  if (type === "checkbox") {
    return make("label", { className: "check" }, make("input", { type, name }), make("span", {}, label));
  }
  let field;
  if (type === "select") {
    field = make("select", { name }, ...options.map((option) => make("option", {}, option)));
  } else if (type === "textarea") field = make("textarea", { name, rows: 3, maxLength, dir: "auto" });
  else field = make("input", { name, type, required, dir: "auto" });
  if (type === "text") field.maxLength = maxLength;
  if (type === "number") Object.assign(field, { min: "1", step: "1" });
  if (value) field.value = value;
  return make("label", { className: "field" }, make("span", {}, label), field);
}
