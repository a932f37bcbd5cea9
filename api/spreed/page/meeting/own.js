import { announce, byId, setIcon, setWords } from "./page.js";
import { Tile } from "./tile.js";

/** One's own tiles, camera and shared screen, and the button that shares. */
export class Own {
  #media;
  #stage;
  #camera = new Tile({ own: true });
  #screen = new Tile({ own: true, screen: true });

  constructor(media, stage) {
    this.#media = media;
    this.#stage = stage;
    byId("share").onclick = () => this.#toggleScreen();
  }

  open(name) {
    this.#camera.setStream(this.#media.stream);
    this.#stage.add(this.#camera);
    byId("share").hidden = !navigator.mediaDevices?.getDisplayMedia;
    this.show(name);
  }

  show(name) {
    const { screen } = this.#media;
    this.#camera.setName(`${name} (you)`, 1);
    this.#camera.setPicture(this.#media.isOn("video"));
    this.#camera.setMuted(!this.#media.isOn("audio"));
    this.#screen.setName("Your screen");
    this.#screen.setStream(screen);
    if (screen) this.#stage.add(this.#screen);
    else this.#stage.remove(this.#screen);
    setIcon(byId("share"), screen ? "screen-off" : "screen");
    setWords(byId("share"), screen ? "Stop sharing" : "Share screen");
    byId("share").classList.toggle("active", Boolean(screen));
  }

  close() {
    this.#stage.remove(this.#camera);
    this.#stage.remove(this.#screen);
  }

  async #toggleScreen() {
    if (this.#media.screen) return this.#media.unshare();
    try {
      return await this.#media.share();
    } catch (error) {
      if (error.name === "NotAllowedError") return announce("No screen is shared.");
      return announce("The browser could not share a screen.");
    }
  }
}
