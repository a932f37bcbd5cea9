/** The pictures of webcams above the conversation: one's own, and those one watches. */

import { byId, icon, make, setIcon } from "./dom.js";

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

  /** Show a stream, or wait for one with `stream` null. */
  show(name, title, stream, { explicit = false } = {}) {
    const tile = this.#tiles.get(name) ?? this.#add(name);
    tile.element.ariaLabel = title;
    tile.title.textContent = title;
    tile.element.classList.toggle("explicit", explicit);
    tile.note.hidden = Boolean(stream);
    if (tile.close) tile.close.ariaLabel = tile.close.title = `Close webcam of ${title}`;
    tile.showSound?.();
    if (tile.video.srcObject === stream) return;
    tile.video.srcObject = stream;
    if (stream) this.#play(tile.video);
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
    const note = make("p", { className: "note" }, "Connecting…");
    const title = make("span", { className: "name", dir: "auto" });
    const foot = make("footer", {}, title);
    const element = make("article", { className: isOwn ? "tile own" : "tile" }, video, note, foot);
    const tile = { element, video, note, title };
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
    tile.showSound = () => {
      setIcon(sound, video.muted ? "sound-off" : "sound");
      sound.ariaLabel = sound.title = `${video.muted ? "Hear" : "Silence"} ${title.textContent}`;
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
