import { DevicePanel, Meter } from "./device_panel.js";
import { memory } from "./memory.js";
import { byId, CONFIG, showProblem, showRoom, showView } from "./page.js";
import { line, MAX_NAME } from "./text.js";

/** What one sees before the call: name, preview and devices, and why one is not in yet. */
export class Lobby {
  #room;
  #media;
  #panel;
  #meter = new Meter();

  /** `submitted` is called when the person wants to join, or no longer wants to. */
  constructor({ room, media, submitted }) {
    this.#room = room;
    this.#media = media;
    this.#panel = new DevicePanel(media);
    showRoom(byId("lobby-room"), room);
    byId("name").value = memory.get("name");
    byId("join-form").onsubmit = (event) => {
      event.preventDefault();
      submitted();
    };
  }

  open() {
    this.#panel.reclaim();
    showView("lobby", `${this.#room} · ${CONFIG.Title}`);
  }

  /** The name that was typed, from now on remembered. */
  takeName() {
    const name = line(byId("name").value, MAX_NAME);
    memory.set("name", name);
    return name;
  }

  showJoining(joining, problem) {
    showProblem(byId("lobby-problem"), problem);
    byId("join").textContent = joining ? "Cancel" : "Join";
    byId("name").readOnly = joining;
  }

  showPreview() {
    const media = this.#media;
    const on = media.isOn("video");
    byId("preview").srcObject = on ? media.stream : null; // an empty one never finishes loading
    byId("preview-tile").classList.toggle("no-picture", !on);
    byId("preview-empty").textContent =
      media.problem.video || !media.possible ? "No picture" : "Your camera is off";
    this.#meter.show(media.isOn("audio") ? media.track("audio") : null);
  }

  close() {
    this.#meter.hide();
  }
}
