import { byId } from "./page.js";

/** The tiles, each as large as all of them allow; shared screens large beside small people. */
export class Stage {
  #people = byId("people");
  #screens = byId("screens");
  #invite = byId("invite");

  constructor() {
    const observer = new ResizeObserver(() => this.#fit());
    observer.observe(byId("stage"));
  }

  /** People come before what is last: oneself. */
  add(tile) {
    if (tile.element.isConnected) return;
    if (tile.isScreen) this.#screens.append(tile.element);
    else this.#people.insertBefore(tile.element, this.#people.querySelector(".own"));
    this.#fit();
  }

  remove(tile) {
    if (!tile.element.isConnected) return;
    tile.setStream(null);
    tile.element.remove();
    this.#fit();
  }

  invite(shown) {
    this.#invite.hidden = !shown;
    this.#fit();
  }

  #fit() {
    const screens = this.#screens.childElementCount;
    this.#screens.hidden = !screens;
    byId("stage").classList.toggle("with-screen", screens > 0);
    Stage.#size(this.#screens, screens);
    const hidden = this.#invite.hidden || screens ? 1 : 0;
    Stage.#size(this.#people, this.#people.childElementCount - hidden);
  }

  /** Set the largest size at which `count` tiles fit; lying stages get lying tiles. */
  static #size(box, count) {
    const gap = 12;
    const { clientWidth: width, clientHeight: height } = box;
    const narrowest = width > height ? 4 / 3 : 3 / 4;
    let best = { w: 0, h: 0 };
    for (let columns = 1; columns <= count; columns++) {
      const rows = Math.ceil(count / columns);
      const high = (height - gap * (rows - 1)) / rows;
      const w = Math.floor(Math.min((width - gap * (columns - 1)) / columns, (high * 16) / 9));
      const h = Math.floor(Math.min(high, w / narrowest));
      if (w * h > best.w * best.h) best = { w, h };
    }
    box.style.setProperty("--tile-width", `${best.w}px`);
    box.style.setProperty("--tile-height", `${best.h}px`);
  }
}
