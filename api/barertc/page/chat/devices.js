/** Own camera and microphone: taking them, choosing them, and how the camera is to be shown. */

import { byId, make, memory, showProblem } from "./dom.js";
import { PAGE } from "./page_data.js";
import { VIDEO } from "./session.js";

const NAMES = { audio: "microphone", video: "camera" };
const OPTIONS = {
  nsfw: VIDEO.NSFW,
  mutualRequired: VIDEO.MUTUAL_REQUIRED,
  mutualOpen: VIDEO.MUTUAL_OPEN,
  onlyVip: VIDEO.ONLY_VIP,
};

function explain(error, kind) {
  const name = NAMES[kind];
  switch (error.name) {
    case "NotAllowedError":
    case "SecurityError":
      return `The browser may not use your ${name}. Allow it beside the address, then try again.`;
    case "NotFoundError":
    case "OverconstrainedError":
      return `No ${name} was found.`;
    case "NotReadableError":
    case "AbortError":
      return `Your ${name} is in use by another program.`;
    default:
      return `Your ${name} could not be started.`;
  }
}

/** `changed()` after each change; `own()` returns the session. */
export class Devices {
  stream = new MediaStream();
  #changed;
  #own;
  #chosen = { audio: memory.get("audio"), video: memory.get("video") };
  #marked = false;
  #options = new Set(memory.getAll("camera"));
  #form = byId("camera-form");
  #dialog = byId("camera-settings");

  constructor(own, changed) {
    this.#own = own;
    this.#changed = changed;
    byId("option-nsfw").hidden = !PAGE.permitsNsfw;
    byId("option-vip").querySelector("span").textContent = `Only ${PAGE.vipName} people may watch me`;
    byId("camera-cancel").onclick = () => {
      this.#dialog.close();
    };
    this.#form.onsubmit = (event) => {
      event.preventDefault();
      this.#apply();
    };
  }

  get isLive() {
    return Boolean(this.track("video"));
  }

  get hears() {
    return Boolean(this.track("audio")?.enabled);
  }

  track(kind) {
    return this.stream.getTracks().find((track) => track.kind === kind) ?? null;
  }

  /** The flags that others see. */
  get flags() {
    if (!this.isLive) return 0;
    let flags = VIDEO.ACTIVE | (this.hears ? 0 : VIDEO.MUTED);
    for (const option of this.#options) flags |= OPTIONS[option] ?? 0;
    if (!PAGE.permitsNsfw) flags &= ~VIDEO.NSFW;
    if (!this.#own().isVip) flags &= ~VIDEO.ONLY_VIP;
    if (this.#marked || this.#own().rules.IsRedCamRule) flags |= VIDEO.NSFW;
    return flags;
  }

  /** An operator or a rule has marked the camera: it stays so until one sets it otherwise. */
  markExplicit() {
    this.#marked = true;
  }

  /** Ask how the camera is to be shown, then start it or change it. */
  async openSettings() {
    showProblem(byId("camera-problem"), "");
    for (const name of Object.keys(OPTIONS)) this.#form.elements[name].checked = this.#options.has(name);
    const forced = Boolean(this.#own().rules.IsRedCamRule);
    this.#form.elements.nsfw.disabled = forced;
    this.#form.elements.nsfw.checked ||= forced || this.#marked;
    byId("option-nsfw").hidden = !PAGE.permitsNsfw && !forced && !this.#marked;
    byId("option-vip").hidden = !this.#own().isVip;
    byId("camera-ok").textContent = this.isLive ? "Done" : "Start camera";
    await this.#listDevices();
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  toggleMicrophone() {
    const track = this.track("audio");
    if (track) track.enabled = !track.enabled;
    this.#changed();
  }

  stop() {
    if (!this.stream.getTracks().length) return;
    for (const kind of ["audio", "video"]) this.#release(kind);
    this.#changed();
  }

  async #apply() {
    const { elements } = this.#form;
    this.#marked = false;
    this.#options = new Set(Object.keys(OPTIONS).filter((name) => elements[name].checked));
    memory.setAll("camera", this.#options);
    byId("camera-ok").disabled = true;
    const problem = await this.#take({ video: elements["choose-video"].value, audio: elements["choose-audio"].value });
    byId("camera-ok").disabled = false;
    showProblem(byId("camera-problem"), problem);
    if (!problem) this.#dialog.close();
    this.#changed();
  }

  /** Take what is chosen and not running yet; returns what is wrong, or "". */
  async #take(wanted) {
    if (!navigator.mediaDevices?.getUserMedia) {
      return "This page was not opened over HTTPS, so the browser gives it no camera.";
    }
    for (const kind of ["video", "audio"]) {
      const running = this.track(kind);
      const isSame = this.#chosen[kind] === wanted[kind] || running?.getSettings().deviceId === wanted[kind];
      this.#chosen[kind] = wanted[kind];
      memory.set(kind, wanted[kind]);
      if (kind === "audio" && wanted.audio === "none") this.#release("audio");
      else if (!running || !isSame) {
        const problem = await this.#open(kind);
        if (problem && kind === "video") return problem;
      }
    }
    return this.isLive ? "" : "The camera was taken away again.";
  }

  async #open(kind) {
    const enabled = this.track(kind)?.enabled ?? true;
    try {
      const stream = await this.#capture(kind).catch((error) => {
        if (error.name !== "OverconstrainedError") throw error;
        this.#chosen[kind] = ""; // unplugged since it was chosen
        return this.#capture(kind);
      });
      this.#release(kind);
      const [track] = stream.getTracks();
      track.enabled = enabled;
      track.onended = () => {
        this.#release(kind);
        if (kind === "video") this.#release("audio");
        this.#changed();
      };
      this.stream.addTrack(track);
      return "";
    } catch (error) {
      return explain(error, kind);
    }
  }

  #capture(kind) {
    const chosen = this.#chosen[kind];
    const device = chosen ? { deviceId: { exact: chosen } } : {};
    const how =
      kind === "audio"
        ? { echoCancellation: true }
        : { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 24, max: 30 } };
    return navigator.mediaDevices.getUserMedia({ [kind]: { ...device, ...how } });
  }

  #release(kind) {
    const track = this.track(kind);
    if (!track) return;
    track.onended = null;
    track.stop();
    this.stream.removeTrack(track);
  }

  async #listDevices() {
    for (const kind of ["video", "audio"]) {
      const field = byId(`choose-${kind}`);
      let devices = [];
      try {
        devices = (await navigator.mediaDevices.enumerateDevices()).filter(
          (device) => device.kind === `${kind}input` && device.deviceId,
        );
      } catch {
        /* not over HTTPS: starting will say so */
      }
      const options = devices.map(({ deviceId, label }, n) =>
        make("option", { value: deviceId }, label || `${NAMES[kind]} ${n + 1}`),
      );
      if (!options.length) options.push(make("option", { value: "" }, `The usual ${NAMES[kind]}`));
      if (kind === "audio") options.push(make("option", { value: "none" }, "No sound"));
      field.replaceChildren(...options);
      const current = this.track(kind)?.getSettings().deviceId ?? this.#chosen[kind];
      if ([...field.options].some(({ value }) => value === current)) field.value = current;
    }
  }
}
