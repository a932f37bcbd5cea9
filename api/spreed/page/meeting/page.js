/** What every part of the page uses: its configuration, its elements, and small words to people. */

export const CONFIG = JSON.parse(document.getElementById("quintet-config").textContent);

export const byId = (id) => document.getElementById(id);

export const randomId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(9)), (b) => b.toString(36)).join("");

export const address = (path) => new URL(path, document.baseURI);

export function setIcon(element, name) {
  element.querySelector("use").setAttribute("href", `#icon-${name}`);
}

export function showProblem(element, text) {
  element.textContent = text;
  element.hidden = !text;
}

/** A room's name where there may be too little space for all of it. */
export function showRoom(element, room) {
  element.textContent = element.title = room;
}

/** Words on a button that has an icon: small screens show them where the pointer rests. */
export function setWords(button, words) {
  button.querySelector("span").textContent = words;
  button.title = words;
}

/** Say something once, to eyes and to screen readers; `parts` are texts and elements. */
export function announce(...parts) {
  byId("announcements").replaceChildren(...parts);
  const toast = document.createElement("p");
  toast.append(...parts.map((part) => part.cloneNode?.(true) ?? part));
  byId("toasts").append(toast);
  while (byId("toasts").childElementCount > 3) byId("toasts").firstElementChild.remove();
  setTimeout(() => toast.remove(), 4_000);
}

/** Copy a text that stands in `field`, if there is room for that, and say so. */
export async function copy(text, field, said) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    field.select(); // no clipboard outside HTTPS
    const put = (event) => {
      event.clipboardData.setData("text/plain", text);
      event.preventDefault();
    };
    document.addEventListener("copy", put);
    document.execCommand("copy");
    document.removeEventListener("copy", put); // what the user copies next is the user's
  }
  announce(said);
}

/** Show one view, without what was open above another, and read on from its heading. */
export function showView(name, title) {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  for (const view of document.querySelectorAll("main.view")) view.hidden = view.id !== name;
  document.title = title;
  byId(name).querySelector("h1").focus({ preventScroll: true });
}
