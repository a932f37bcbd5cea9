import { byId } from "./page.js";
import { inWords } from "./quality.js";
import { initial } from "./text.js";

/** One picture: a person or a screen. */
export class Tile {
  constructor({ own = false, screen = false } = {}) {
    this.element = byId("tile").content.firstElementChild.cloneNode(true);
    this.video = this.element.querySelector("video");
    this.video.muted = own;
    this.element.classList.toggle("own", own && !screen);
    this.element.classList.toggle("screen", screen);
    this.isScreen = screen;
    this.setPicture(screen);
  }

  setName(name, colour = 1) {
    this.element.setAttribute("aria-label", name);
    this.element.dataset.voice = colour;
    this.element.querySelector(".name").textContent = name;
    this.element.querySelector(".avatar").textContent = initial(name);
  }

  setStream(stream) {
    if (this.video.srcObject === stream) return;
    this.video.srcObject = stream;
    if (stream) this.play();
  }

  /** A browser may want a touch of the page before it plays sound. */
  play() {
    this.video.play().catch((error) => {
      if (error.name !== "NotAllowedError") return;
      document.addEventListener("pointerdown", () => this.video.play(), { once: true });
    });
  }

  setPicture(on) {
    this.element.classList.toggle("no-picture", !on);
  }

  setMuted(muted) {
    this.element.querySelector(".muted").toggleAttribute("hidden", !muted);
  }

  setSpeaking(speaking) {
    this.element.classList.toggle("speaking", speaking);
  }

  /** A word on the call; `why` is called when the person asks for more. */
  setNote(text, why = null) {
    const note = this.element.querySelector(".note");
    note.hidden = !text;
    note.querySelector("span").textContent = text;
    const button = note.querySelector("button");
    button.hidden = !why;
    button.textContent = why ? "Why?" : ""; // so that the note reads as the text alone
    button.onclick = why;
  }

  /** The sign of how well the connection does, or none for null. */
  setQuality(quality) {
    const sign = this.element.querySelector(".quality");
    sign.hidden = !quality;
    if (!quality) return;
    sign.dataset.rating = quality.rating;
    sign.title = inWords(quality);
    sign.setAttribute("aria-label", sign.title);
  }
}
