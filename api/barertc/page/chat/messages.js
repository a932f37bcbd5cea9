/**
 * One message as it is shown.
 *
 * HTML of the server is safe already and is not looked at again; what our Content-Security-Policy
 * would refuse is taken out of it before it reaches the page, and pictures open in a dialog.
 */

import { byId, icon, label, line, make } from "./dom.js";
import { outside } from "./page_data.js";
import { showFace, voiceOf } from "./people.js";

/** Set by site.js: nick(name), person(name), own() and openMenu(entry, conversation). */
export const context = {};

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const DAY_MS = 86_400_000;

const TAG = /<[a-z](?:"[^"]*"|'[^']*'|[^"'<>])*>/gi;
const INLINE = /\s(?:on[a-z]+|style)\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+)/gi;

/**
 * HTML in a place where nothing of it is run, loaded or shown.
 *
 * Handlers and styles in attributes go before, for browsers complain of them even there.
 */
function inertly(html) {
  const template = document.createElement("template");
  template.innerHTML = (html ?? "").replace(TAG, (tag) => tag.replace(INLINE, ""));
  return template.content;
}

/** Whether our Content-Security-Policy lets a picture be shown: without TLS only ours and the website's. */
function mayLoad({ src }) {
  if (!src.startsWith("http:")) return src !== "";
  return [`${location.origin}/`, outside("/")].some((own) => src.startsWith(own));
}

/** Nodes from HTML of the server, without what would be inert, misleading or refused here. */
export function nodesOf(html) {
  const inert = inertly(html);
  for (const image of inert.querySelectorAll("img")) {
    if (mayLoad(image)) continue;
    const words = image.alt || image.src;
    const linked = image.src && !image.closest("a");
    image.replaceWith(linked ? make("a", { href: image.src }, words) : words);
  }
  for (const link of inert.querySelectorAll("a[href]")) {
    // https://bank.example@other.example looks like another address than it is.
    if (link.username || link.password) link.removeAttribute("href");
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
  }
  for (const image of inert.querySelectorAll("img")) {
    image.referrerPolicy = "no-referrer";
    if (!image.closest("a")) image.replaceWith(enlargeable(image.cloneNode()));
  }
  for (const frame of inert.querySelectorAll("iframe")) {
    frame.loading = "lazy";
    frame.title ||= "Video";
  }
  return [...inert.childNodes].map((node) => document.importNode(node, true));
}

/** The words of HTML of the server. */
export function textOf(html) {
  const inert = inertly(html);
  return inert.textContent.trim() || (inert.querySelector("img") ? "a picture" : "");
}

function enlargeable(image) {
  return make("button", { type: "button", className: "picture-button", ariaLabel: "Enlarge picture" }, image);
}

/** Pictures of all messages open by one handler, for their own was of the server's page. */
export function enlargePictures(container) {
  const dialog = byId("picture");
  container.addEventListener("click", (event) => {
    const image = event.target.closest(".picture-button")?.querySelector("img");
    if (!image) return;
    byId("picture-shown").src = image.src;
    byId("picture-shown").alt = image.alt || "Picture in full size";
    dialog.showModal();
  });
  dialog.onclick = () => {
    dialog.close();
  };
  dialog.onclose = () => {
    byId("picture-shown").removeAttribute("src");
  };
}

function clock(at) {
  const format = Date.now() - at > DAY_MS ? DATE : CLOCK;
  const time = make("time", { dateTime: new Date(at).toISOString() }, format.format(at));
  time.title = DATE.format(at);
  return time;
}

/** entry: {id, sender, html, at}; gets `reactions`, a Map from emoji to the names who gave it. */
export function showMessage(entry, conversation) {
  const { sender } = entry;
  entry.reactions = new Map();
  const face = make("span", { className: "face", ariaHidden: "true" });
  showFace(face, sender, context.person(sender));
  const name = make("b", { dir: "auto", title: `@${line(sender)}` }, context.nick(sender));
  name.dataset.voice = voiceOf(sender);
  const more = make("button", { type: "button", className: "message-more bare", tabIndex: -1 }, icon("more"));
  label(more, `Actions for the message of ${context.nick(sender)}`);
  more.onclick = () => {
    context.openMenu(entry, conversation);
  };
  const head = make("p", { className: "said-by" }, name, clock(entry.at));
  const said = make("div", { className: "said words", dir: "auto" }, ...nodesOf(entry.html));
  const given = make("p", { className: "reactions" });
  const item = make("li", { className: "message" }, face, make("div", { className: "body" }, head, said, given), more);
  item.classList.toggle("mine", sender === context.own().name);
  item.dataset.id = entry.id;
  return item;
}

/** entry: {sender?, html or text, at, kind}; the server's words, or somebody who comes or goes. */
export function showLine({ sender, html, text, kind }) {
  const item = make("li", { className: `line ${kind}` });
  if (sender) item.append(make("b", { dir: "auto" }, line(sender, 60)), " ");
  if (text) item.append(make("span", { dir: "auto" }, text));
  else item.append(make("div", { className: "words", dir: "auto" }, ...nodesOf(html)));
  return item;
}

/** Giving the same reaction again takes it back; others' programs count the same way. */
export function reactTo(entry, sender, emoji, self) {
  const { reactions } = entry;
  if (!reactions.has(emoji) && reactions.size >= 30) return;
  const names = reactions.get(emoji) ?? new Set();
  reactions.set(emoji, names);
  if (!names.delete(sender)) names.add(sender);
  if (!names.size) reactions.delete(emoji);
  const given = entry.element.querySelector(".reactions");
  const focused = given.contains(document.activeElement) ? document.activeElement.dataset.emoji : null;
  given.replaceChildren(...[...reactions].map(([one, by]) => reaction(entry, one, by, self)));
  if (focused === null) return;
  const again = [...given.children].find(({ dataset }) => dataset.emoji === focused);
  (again ?? entry.element.querySelector(".message-more")).focus();
}

function reaction(entry, emoji, names, self) {
  const words = [...names].map(context.nick).join(", ");
  const button = make("button", { type: "button", className: "reaction" }, `${emoji} ${names.size}`);
  button.title = words;
  button.ariaLabel = `${emoji}, ${names.size}: ${words}`;
  button.ariaPressed = String(names.has(self));
  button.dataset.emoji = emoji;
  button.onclick = () => {
    context.react(entry, emoji);
  };
  return button;
}
