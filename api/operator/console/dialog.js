// Orders are confirmed, in one dialog: what will happen, a reason where people are shown one, and
// the name of who orders, for the log.

import { element, field, made } from "./dom.js";

const WITH_ROOMS = ["spreed", "owt", "barertc"]; // whose rooms have names
const fields = {
  name: () => made("input", { name: "name", maxLength: 2000, dir: "auto", autocomplete: "off", required: true, pattern: ".*\\S.*" }),
  dialect: () => made("select", { name: "dialect" },
    ...WITH_ROOMS.map((name) => made("option", { value: name, textContent: name }))),
  reason: () => made("textarea", { name: "reason", rows: 2, maxLength: 500, dir: "auto" }),
  seconds: () => made("input", { name: "seconds", type: "number", min: 1, step: 1, inputMode: "numeric" }),
};
const LABELS = {
  name: "Name of the room",
  dialect: "Dialect of the room",
  reason: "Reason, shown to people",
  seconds: "Seconds until the name may be used again; empty: as configured",
};

let answered = null; // takes the answer to what is asked now

/**
 * Ask whether to do it. `order` is `{title, about, text, yes, no, fields}`: `about` is a name that
 * strangers chose, "" for none; `fields` are some of "name", "dialect", "reason" and "seconds".
 * Resolves with the values, or with null.
 */
export function confirmed(server, order) {
  const dialog = element("dialog");
  answered?.(); // it was closed just now, and its event is still to come
  const before = document.activeElement;
  const asked = Object.fromEntries((order.fields ?? []).map((name) => [name, fields[name]()]));
  const operator = made("input", { maxLength: 64, dir: "auto", autocomplete: "off", value: server.operator });
  element("dialog-title").textContent = order.title;
  element("dialog-about").replaceChildren(made("bdi", { textContent: order.about }));
  element("dialog-about").hidden = !order.about;
  element("dialog-text").textContent = order.text;
  element("dialog-fields").replaceChildren(
    ...Object.entries(asked).map(([name, input]) => field(LABELS[name], input)),
    field("Your name, for the log (optional)", operator),
  );
  element("dialog-no").textContent = order.no ?? "Cancel";
  element("dialog-no").onclick = () => dialog.close(""); // no submit button: Enter in a field means yes
  element("dialog-yes").textContent = order.yes;
  dialog.returnValue = "";
  dialog.showModal();
  (Object.values(asked)[0] ?? element("dialog-no")).focus();
  return new Promise((resolve) => {
    answered = () => {
      answered = null;
      if (before?.isConnected) before.focus();
      else element("heading").focus();
      if (dialog.returnValue !== "yes") return resolve(null);
      server.operator = printable(operator.value.trim());
      return resolve(Object.fromEntries(
        Object.entries(asked).map(([name, { value }]) => [name, value.trim()])));
    };
    dialog.onclose = () => { if (!dialog.open) answered?.(); };
  });
}

const printable = (text) => text.replace(/\p{C}/gu, "");
