/** The pictures of webcams above the conversation: one's own, and those one watches. */

import { byId, icon, label, make, setIcon } from "./dom.js";
import { inWords } from "./quality.js";

/** `closed(name)` when the user closes one; the own tile has the name "". */
export class Stage {
  #box = byId("stage");
  #tiles = new Map();
  #closed;

  constructor(closed) {
    this.#closed = closed;
  }

  has(name) {
    return this.#tiles.has(name);
  }

  get names() {
    return [...this.#tiles.keys()];
  }

  /** Show a stream, or wait for one with `stream` null. */
  show(name, title, stream, { explicit = false } = {}) {
    const tile = this.#tiles.get(name) ?? this.#add(name);
    tile.element.ariaLabel = title;
    tile.title.textContent = tile.title.title = title;
    tile.element.classList.toggle("explicit", explicit);
    tile.note.replaceChildren("Connecting…");
    tile.note.hidden = Boolean(stream);
    if (tile.close) label(tile.close, `Close webcam of ${title}`);
    tile.showSound?.(Boolean(stream));
    if (!stream) this.rate(name, null);
    if (tile.video.srcObject === stream) return;
    tile.video.srcObject = stream;
    if (stream) this.#play(tile.video);
  }

  /** Say on the tile that there will be no picture; `why` answers who asks. */
  fail(name, title, text, why) {
    this.show(name, title, null);
    const { note } = this.#tiles.get(name);
    const ask = make("button", { type: "button" }, "Why?");
    ask.onclick = () => {
      why();
    };
    note.replaceChildren(make("span", { dir: "auto", title: text }, text), ask);
  }

  /** Show how the connection is: {rating, loss, roundTrip}, or nothing of one that is not known. */
  rate(name, measured) {
    const sign = this.#tiles.get(name)?.sign;
    if (!sign) return;
    sign.hidden = !measured;
    if (!measured) return;
    sign.dataset.rating = measured.rating;
    label(sign, inWords(measured));
  }

  remove(name) {
    const tile = this.#tiles.get(name);
    if (!tile) return;
    const hadFocus = tile.element.contains(document.activeElement);
    tile.video.srcObject = null;
    tile.element.remove();
    this.#tiles.delete(name);
    this.#box.hidden = !this.#tiles.size;
    if (hadFocus) byId("write-text").focus();
  }

  #add(name) {
    const isOwn = !name;
    const video = make("video", { autoplay: true, playsInline: true, muted: isOwn });
    video.setAttribute("aria-hidden", "true");
    const note = make("div", { className: "note" });
    const title = make("span", { className: "name", dir: "auto" });
    const sign = make("span", { className: "quality", role: "img", hidden: true }, icon("bars"));
    const foot = make("footer", {}, sign, title);
    const element = make("article", { className: isOwn ? "tile own" : "tile" }, video, note, foot);
    const tile = { element, video, note, title, sign };
    if (!isOwn) this.#addButtons(tile, name, foot);
    this.#tiles.set(name, tile);
    if (isOwn) this.#box.prepend(element);
    else this.#box.append(element);
    this.#box.hidden = false;
    return tile;
  }

  #addButtons(tile, name, foot) {
    const { video, title } = tile;
    const sound = make("button", { type: "button", className: "bare" }, icon("sound"));
    tile.showSound = (isHeard = !sound.hidden) => {
      sound.hidden = !isHeard;
      setIcon(sound, video.muted ? "sound-off" : "sound");
      label(sound, `${video.muted ? "Hear" : "Silence"} ${title.textContent}`);
    };
    sound.onclick = () => {
      video.muted = !video.muted;
      tile.showSound();
    };
    tile.close = make("button", { type: "button", className: "bare" }, icon("close"));
    tile.close.onclick = () => {
      this.#closed(name);
    };
    foot.append(sound, tile.close);
  }

  /** A browser may want a touch of the page before it plays sound. */
  #play(video) {
    video.play().catch((error) => {
      if (error.name !== "NotAllowedError") return;
      document.addEventListener("pointerdown", () => video.srcObject && video.play(), { once: true });
    });
  }
}
