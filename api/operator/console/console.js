// The operator's console: login, the figures every five seconds, and one view at a time.

import { ActorsView } from "./actors.js";
import { DevicesView } from "./devices.js";
import { element, say } from "./dom.js";
import { Figures } from "./figures.js";
import { History } from "./history.js";
import { LogView } from "./log.js";
import { PeopleView, PersonView } from "./people.js";
import { RecordingsView } from "./recordings.js";
import { RoomsView, RoomView } from "./rooms.js";
import { Server } from "./server.js";

const REFRESH_MS = 5000;
const VIEWS = {
  rooms: RoomsView, people: PeopleView, recordings: RecordingsView, log: LogView,
  actors: ActorsView, devices: DevicesView,
};
const WHOLE = { rooms: RoomView, people: PersonView };

/** What an address names: `#rooms`, `#rooms/ID`, `#log?peer=…`. */
export function route(hash) {
  const [place, query] = hash.replace(/^#/, "").split("?");
  const [name, id] = place.split("/");
  const known = Object.hasOwn(VIEWS, name) ? name : "rooms";
  const given = Object.fromEntries(new URLSearchParams(query ?? ""));
  if (id && known === name && Object.hasOwn(WHOLE, name)) return { name, view: WHOLE[name], given: { ...given, id } };
  return { name: known, view: VIEWS[known], given };
}

/** What views are given: the server, and how to say what came of an order. */
class Desk {
  constructor() {
    this.server = new Server();
    this.history = new History();
    this.figures = new Figures(element("figures"));
    this.view = null;
    this.heading = () => element("heading");
    element("login").addEventListener("submit", (event) => this.#login(event));
    element("leave").addEventListener("click", () => this.#logout(""));
    window.addEventListener("hashchange", () => this.server.token && this.#show());
    document.addEventListener("visibilitychange", () => this.#tick());
    setInterval(() => this.#tick(), REFRESH_MS);
    if (this.server.token) this.#enter();
    else this.#logout("");
  }

  /** Tell what came of an order, once. */
  tell(text) {
    element("told").textContent = text;
    element("told").classList.remove("bad");
  }

  /** Tell of a refusal; without a valid token everything ends. */
  failed(error) {
    if (error.status === 401 || error.status === 429) return this.#logout(error.message);
    element("told").textContent = error.status ? error.message : "The server does not answer.";
    return element("told").classList.add("bad");
  }

  /** Do it and return what came of it; nothing, and a word about it, where it failed. */
  async tried(act) {
    try {
      return await act();
    } catch (error) {
      this.failed(error);
      return undefined;
    }
  }

  /** Call the view by what it shows, which strangers may have named. */
  rename(title) {
    say(element("heading"), title);
    element("heading").title = title;
    document.title = `${title} · Quintet console`;
  }

  /** Ask again for what is shown. Whoever asks meanwhile is answered once that is done. */
  async refresh() {
    if (this.busy) {
      this.again = true;
      return this.busy;
    }
    this.busy = this.#refreshed();
    await this.busy;
    this.busy = null;
    return undefined;
  }

  async #refreshed() {
    do {
      this.again = false;
      const view = this.view;
      try {
        await view?.refresh();
        if (view === this.view) element("gone").hidden = true;
      } catch (error) {
        if (view !== this.view) continue;
        if (error.status === 404) element("gone").hidden = false;
        else this.failed(error);
      }
    } while (this.again);
  }

  async #tick() {
    if (!this.server.token || document.hidden) return;
    await this.#summarise();
    if (this.server.token) await this.refresh();
  }

  /** Take the next sample; true where the server let us. */
  async #summarise() {
    try {
      const summary = await this.server.get("summary");
      if (!this.server.token) return false;
      this.#state(summary.state === "ready" ? "Ready" : `Not ready: ${summary.state}`, "ready");
      this.history.add(summary);
      this.figures.show(this.history, summary);
      return true;
    } catch (error) {
      if (error.status === 401 || error.status === 429) this.#logout(error.message);
      else this.#state("The server does not answer", "lost");
      return false;
    }
  }

  #state(text, state) {
    say(element("state"), text);
    element("state").dataset.state = state;
  }

  async #login(event) {
    event.preventDefault();
    this.server.token = element("token").value.trim();
    element("problem").textContent = "";
    await this.#enter();
  }

  /** Show everything once the token is known to be right. */
  async #enter() {
    if (!(await this.#summarise())) {
      if (this.server.token) this.#logout("The server does not answer.");
      return;
    }
    element("token").value = "";
    this.#inside(true);
    this.#show();
  }

  #logout(problem) {
    this.server.token = "";
    this.#leave();
    this.figures.clear();
    if (!problem) this.history.forget();
    if (element("dialog").open) element("dialog").close("");
    this.tell("");
    this.#state("Not connected", "");
    this.#inside(false);
    element("problem").textContent = problem;
    element("token").select();
    element("token").focus();
  }

  #inside(inside) {
    element("login").hidden = inside;
    for (const id of ["leave", "inside"]) element(id).hidden = !inside;
  }

  #leave() {
    this.view?.leave?.();
    this.view = null;
    element("view").replaceChildren();
  }

  /** Show what the address names, and put the focus on its heading. */
  #show() {
    const { name, view: View, given } = route(location.hash);
    this.#leave();
    this.view = new View(this, given);
    element("gone").hidden = true;
    this.tell("");
    this.rename(this.view.title);
    element("view").append(this.view.element);
    for (const link of document.querySelectorAll("#views a")) {
      if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    element("heading").focus();
    this.refresh();
  }
}

new Desk();
