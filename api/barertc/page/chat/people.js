/** Who is here, and the list that shows it. Whatever people chose themselves is set as text. */

import { byId, icon, label, letters, line, make, setIcon, walkable } from "./dom.js";
import { outside, PAGE } from "./page_data.js";
import { VIDEO } from "./session.js";

/** Value, what it is called, and the sign beside a name. */
export const STATUSES = [
  ["online", "Online", ""],
  ["away", "Away", "🕒"],
  ["brb", "Be right back", "⏳"],
  ["afk", "Away from keyboard", "⌨️"],
  ["lunch", "Out to lunch", "🍽️"],
  ["call", "On the phone", "📞"],
  ["busy", "Busy", "⛔"],
  ["book", "Studying", "📖"],
  ["gaming", "Gaming", "🎮"],
  ["movie", "Watching a film", "🎬"],
  ["workout", "Working out", "🏋️"],
  ["travel", "Travelling", "✈️"],
  ["chatty", "Chatty and sociable", "💬"],
  ["introverted", "Quiet", "🤫"],
  ["horny", "Horny", "🔥"],
  ["exhibitionist", "Watch me", "👀"],
  ["idle", "Idle", "🌙"],
  ["hidden", "Hidden", "🕶️"],
];
const EXPLICIT = new Set(["horny", "exhibitionist"]);
const LABELS = new Map(STATUSES.map(([value, label, sign]) => [value, { label, sign }]));

/** Those that one may choose oneself. */
export const choosable = (isOperator) =>
  STATUSES.filter(
    ([value]) =>
      value !== "idle" &&
      (value !== "hidden" || isOperator) &&
      (PAGE.permitsNsfw || !EXPLICIT.has(value)),
  );

export const statusOf = (value) => LABELS.get(value) ?? { label: line(value, 40), sign: "" };

/** One of five colours, always the same for a name. */
export const voiceOf = (name) =>
  ([...name].reduce((sum, c) => (sum * 31 + c.codePointAt(0)) % 9973, 7) % 5) + 1;

/** A round picture of somebody: avatar, else the first letter. */
export function showFace(element, name, person) {
  const avatar = outside(person?.avatar);
  const key = `${name}|${avatar}`;
  if (element.dataset.key === key) return;
  element.dataset.key = key;
  element.dataset.voice = voiceOf(name);
  element.textContent = letters(line(name))[0]?.toUpperCase() ?? "";
  if (!avatar) return;
  const image = make("img", { alt: "", referrerPolicy: "no-referrer", loading: "lazy", decoding: "async" });
  image.onerror = () => image.remove();
  image.src = avatar;
  element.append(image);
}

class Person {
  constructor(entry) {
    this.name = entry.username;
    this.nick = line(entry.nickname, 60) || line(this.name, 60);
    this.status = entry.status || "online";
    this.video = entry.video ?? 0;
    this.dnd = Boolean(entry.dnd);
    this.since = entry.loginAt ?? 0;
    this.isOperator = Boolean(entry.op);
    this.isVip = Boolean(entry.vip);
    this.avatar = entry.avatar ?? "";
    this.profile = outside(entry.profileURL);
    this.emoji = line(entry.emoji, 40);
    this.gender = entry.gender ?? "";
  }

  has(flag) {
    return Boolean(this.video & flag);
  }

  get isLive() {
    return this.has(VIDEO.ACTIVE);
  }
}

/**
 * `own()` returns the session, `onperson(name)` and `oncamera(name)` are asked for by the user;
 * `watched(name)` tells whether that camera is open.
 */
export class People {
  #byName = new Map();
  #rows = new Map();
  #list = byId("people-list");
  #filter = byId("people-filter");
  #settle = walkable(this.#list, ".name-button, .camera-button");
  #actions;

  constructor(actions) {
    this.#actions = actions;
    this.#filter.oninput = () => this.#filterRows();
  }

  get(name) {
    return this.#byName.get(name);
  }

  get names() {
    return [...this.#byName.keys()];
  }

  /** How somebody is called: nickname, else name. */
  nick(name) {
    return this.#byName.get(name)?.nick ?? line(name, 60);
  }

  /** Take a who list; it comes sorted, and is shown by `refresh`. */
  take(whoList) {
    this.#byName = new Map(whoList.map((entry) => [entry.username, new Person(entry)]));
  }

  clear() {
    this.take([]);
    this.refresh();
  }

  refresh() {
    for (const [name, row] of this.#rows) {
      if (this.#byName.has(name)) continue;
      if (row.element.contains(document.activeElement)) this.#filter.focus();
      row.element.remove();
      this.#rows.delete(name);
    }
    let before = null;
    for (const person of this.#byName.values()) {
      const row = this.#rows.get(person.name) ?? this.#addRow(person.name);
      this.#show(row, person);
      const next = before ? before.nextElementSibling : this.#list.firstElementChild;
      if (next !== row.element) this.#list.insertBefore(row.element, next);
      before = row.element;
    }
    byId("people-count").textContent = this.#byName.size;
    this.#filterRows();
  }

  #addRow(name) {
    const face = make("span", { className: "face", ariaHidden: "true" });
    const text = make("span", { className: "who", dir: "auto" });
    const marks = make("span", { className: "marks" });
    const button = make("button", { type: "button", className: "name-button", tabIndex: -1 }, face, text, marks);
    button.onclick = () => {
      this.#actions.onperson(name);
    };
    const camera = make("button", { type: "button", className: "camera-button", tabIndex: -1 }, icon("camera"));
    camera.onclick = () => {
      this.#actions.oncamera(name);
    };
    const row = { element: make("li", {}, button, camera), face, text, marks, button, camera };
    this.#rows.set(name, row);
    return row;
  }

  #show(row, person) {
    const own = this.#actions.own();
    const isSelf = person.name === own.name;
    const signs = [];
    if (person.isOperator) signs.push(["icon-shield", "operator"]);
    if (person.isVip) signs.push(["★", PAGE.vipName]);
    if (person.emoji) signs.push([person.emoji.split(" ")[0], person.emoji]);
    const status = statusOf(person.status);
    if (person.status !== "online") signs.push([status.sign || status.label, status.label]);
    if (own.mutes.has(person.name)) signs.push(["icon-sound-off", "muted by you"]);
    if (own.boots.has(person.name)) signs.push(["icon-camera-off", "may not see your camera"]);
    const shown = JSON.stringify([person.nick, isSelf, signs, person.avatar]);
    if (row.shown !== shown) {
      row.shown = shown;
      showFace(row.face, person.name, person);
      row.text.title = person.nick;
      row.text.replaceChildren(...(isSelf ? [make("bdi", {}, person.nick), " (you)"] : [person.nick]));
      row.button.title = `@${line(person.name)}`;
      row.marks.replaceChildren(
        ...signs.map(([text, words]) => {
          const sign = text.startsWith("icon-") ? icon(text.slice(5)) : text;
          return make("span", { title: words, role: "img", ariaLabel: words }, sign);
        }),
      );
    }
    this.#showCamera(row, person, isSelf);
  }

  #showCamera({ camera, element }, person, isSelf) {
    camera.hidden = !person.isLive || isSelf;
    element.classList.toggle("live", person.isLive);
    element.classList.toggle("explicit", person.has(VIDEO.NSFW));
    if (camera.hidden) return;
    const watched = this.#actions.watched(person.name);
    camera.classList.toggle("watched", watched);
    const kind = person.has(VIDEO.NSFW) ? "explicit webcam" : "webcam";
    const conditions = [];
    if (person.has(VIDEO.MUTUAL_REQUIRED)) conditions.push("needs your own camera on");
    if (person.has(VIDEO.MUTUAL_OPEN)) conditions.push("opens your camera too");
    if (person.has(VIDEO.ONLY_VIP)) conditions.push(`${PAGE.vipName} only`);
    if (person.has(VIDEO.INVITED)) conditions.push("you are invited");
    const title = `${watched ? "Close" : "Open"} ${kind} of ${person.nick}`;
    const words = conditions.length ? `${title} (${conditions.join(", ")})` : title;
    if (camera.title === words) return;
    label(camera, words);
    setIcon(camera, watched ? "camera-off" : "camera");
  }

  #filterRows() {
    const wanted = this.#filter.value.trim().toLowerCase();
    for (const [name, { element }] of this.#rows) {
      const nick = this.nick(name);
      element.hidden = Boolean(wanted) && !`${nick}\n${name}`.toLowerCase().includes(wanted);
    }
    this.#settle();
  }
}
