/** Oneself: name, status, the buttons of camera and microphone, and who watches. */

import { byId, label, line, make, setIcon, tell } from "./dom.js";
import { openMenu } from "./menus.js";
import { PAGE } from "./page_data.js";
import { choosable, statusOf } from "./people.js";
import { VIDEO } from "./session.js";

const IDLE_MS = 300_000;

/** `site`: phase, session, people, devices, calls, stage, actions. */
export class Own {
  #site;
  #idle = 0;
  #isIdle = false;

  constructor(site) {
    this.#site = site;
    this.#listen();
  }

  show() {
    const { phase, session, devices, people, calls } = this.#site;
    if (phase !== "in") return;
    const own = people.get(session.name);
    byId("own-name").title = byId("own-name").textContent = own?.nick ?? line(session.name, 60);
    byId("own-marks").textContent = [session.isOperator && "Operator", session.isVip && PAGE.vipName]
      .filter(Boolean)
      .join(", ");
    byId("operate").hidden = !session.isOperator;
    byId("open-blocked").hidden = !session.blocks.size;
    byId("own-status").value = session.status === "idle" ? "online" : session.status;
    this.#showCamera(devices.flags);
    const watching = calls.watchers.length;
    byId("watchers").hidden = !devices.isLive;
    byId("watchers").querySelector("span").textContent = watching;
    label(byId("watchers"), `${watching} watching you`);
  }

  #showCamera(flags) {
    const { devices, session, stage } = this.#site;
    const live = devices.isLive;
    const camera = byId("camera");
    const forbidden = session.rules.IsNoVideoRule || session.rules.IsNoBroadcastRule;
    camera.hidden = Boolean(forbidden) && !live;
    camera.querySelector("span").textContent = live ? "Stop camera" : "Start camera";
    label(camera, live ? "Stop camera" : "Start camera");
    camera.classList.toggle("live", live);
    camera.classList.toggle("explicit", Boolean(flags & VIDEO.NSFW));
    setIcon(camera, live ? "camera-off" : "camera");
    byId("open-camera-settings").hidden = !live;
    const microphone = byId("microphone");
    microphone.hidden = !devices.track("audio");
    microphone.querySelector("span").textContent = devices.hears ? "Mute" : "Unmute";
    label(microphone, devices.hears ? "Mute microphone" : "Unmute microphone");
    microphone.classList.toggle("off", !devices.hears);
    setIcon(microphone, devices.hears ? "microphone" : "microphone-off");
    if (live) stage.show("", "You", devices.stream, { explicit: Boolean(flags & VIDEO.NSFW) });
    else stage.remove("");
  }

  /** What one may choose: operators have more. */
  showStatuses() {
    const { session } = this.#site;
    const options = choosable(session.isOperator).map(([value, words, sign]) =>
      make("option", { value }, `${words} ${sign}`.trim()),
    );
    byId("own-status").replaceChildren(...options);
    byId("own-status").value = session.status;
  }

  #showWatchers() {
    const { calls, people, actions } = this.#site;
    const names = calls.watchers;
    openMenu({
      title: "Who watches you",
      text: names.length ? "" : "Nobody just now.",
      items: names.map((name) => ({ label: people.nick(name), run: () => actions.person(name) })),
    });
  }

  #setStatus(status) {
    this.#isIdle = false;
    this.#site.session.show({ status });
    tell(`Your status: ${statusOf(status).label}`);
  }

  /** Whoever does nothing for a while is shown as idle, and no longer once something is done. */
  active() {
    clearTimeout(this.#idle);
    if (this.#site.phase !== "in") return;
    if (this.#isIdle) this.#site.session.show({ status: "online" });
    this.#isIdle = false;
    this.#idle = setTimeout(() => {
      if (this.#site.session.status !== "online") return;
      this.#isIdle = true;
      this.#site.session.show({ status: "idle" });
    }, IDLE_MS);
  }

  #listen() {
    const site = this.#site;
    byId("camera").onclick = () => {
      if (site.devices.isLive) site.devices.stop();
      else site.devices.openSettings();
    };
    byId("open-camera-settings").onclick = () => {
      site.devices.openSettings();
    };
    byId("microphone").onclick = () => site.devices.toggleMicrophone();
    byId("watchers").onclick = () => this.#showWatchers();
    byId("operate").onclick = () => site.actions.operate();
    byId("open-blocked").onclick = () => site.actions.blocked();
    byId("own-status").onchange = () => this.#setStatus(byId("own-status").value);
    byId("own-dnd").onchange = () => site.session.show({ dnd: byId("own-dnd").checked });
    for (const event of ["pointerdown", "keydown"]) document.addEventListener(event, () => this.active());
  }
}
