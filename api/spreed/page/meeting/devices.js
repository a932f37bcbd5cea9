import { memory } from "./memory.js";

/** Camera, microphone and shared screen of this person. `changed(kind)` tells whoever shows them. */
export class Devices {
  static KINDS = ["audio", "video"];
  static NAMES = { audio: "microphone", video: "camera" };

  /** Camera and microphone: always this same stream, so that it can be shown and sent for good. */
  stream = new MediaStream();
  screen = null;
  wanted = { audio: true, video: true };
  problem = { audio: "", video: "" };
  #chosen = { audio: memory.get("audio"), video: memory.get("video") };
  #listeners = [];

  onchange(listener) {
    this.#listeners.push(listener);
  }

  get possible() {
    return Boolean(navigator.mediaDevices?.getUserMedia);
  }

  track(kind) {
    return this.stream.getTracks().find((track) => track.kind === kind) ?? null;
  }

  isOn(kind) {
    return Boolean(this.track(kind)?.enabled);
  }

  /** Ask for camera and microphone at once, and for each alone where both cannot be had. */
  async open() {
    if (!this.possible) return this.#tell("audio", "video");
    const kinds = Devices.KINDS.filter((kind) => this.wanted[kind] && !this.track(kind));
    try {
      if (kinds.length) this.#take(await this.#capture(kinds));
    } catch (error) {
      for (const kind of kinds) await this.#openAlone(kind, error);
    }
    this.#tell("audio", "video");
  }

  async setOn(kind, on) {
    this.wanted[kind] = on;
    const track = this.track(kind);
    if (kind === "audio" && track) track.enabled = on;
    else if (!on) this.#release(kind);
    else if (!track) await this.#openAlone(kind);
    this.#tell(kind);
  }

  async choose(kind, id) {
    this.#chosen[kind] = id;
    memory.set(kind, id);
    if (!this.wanted[kind]) return;
    this.#release(kind);
    await this.#openAlone(kind);
    this.#tell(kind);
  }

  /** Pairs of id and label, and the id in use; `unseen`: there are some, but without permission. */
  async list(kind) {
    if (!this.possible) return { devices: [], unseen: false, current: "" };
    const all = (await navigator.mediaDevices.enumerateDevices()).filter(
      (device) => device.kind === `${kind}input`,
    );
    const devices = all
      .filter(({ deviceId }) => deviceId)
      .map(({ deviceId, label }) => ({ id: deviceId, label }));
    const unseen = all.length > devices.length;
    return { devices, unseen, current: this.track(kind)?.getSettings().deviceId ?? this.#chosen[kind] };
  }

  /** Ask which screen to share. Raises what the browser raises; NotAllowedError is a change of mind. */
  async share() {
    this.screen = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: 15 } });
    this.screen.getVideoTracks()[0].onended = () => this.unshare();
    this.#tell("screen");
  }

  unshare() {
    for (const track of this.screen?.getTracks() ?? []) track.stop();
    this.screen = null;
    this.#tell("screen");
  }

  close() {
    for (const kind of Devices.KINDS) this.#release(kind);
    if (this.screen) this.unshare();
    this.#tell("audio", "video");
  }

  async #capture(kinds) {
    try {
      return await this.#captureChosen(kinds);
    } catch (error) {
      if (error.name !== "OverconstrainedError") throw error;
      for (const kind of kinds) this.#chosen[kind] = ""; // unplugged since it was chosen
      return this.#captureChosen(kinds);
    }
  }

  #captureChosen(kinds) {
    const device = (kind) => (this.#chosen[kind] ? { deviceId: { exact: this.#chosen[kind] } } : {});
    const size = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 24, max: 30 } };
    return navigator.mediaDevices.getUserMedia({
      audio: kinds.includes("audio") && { ...device("audio"), echoCancellation: true },
      video: kinds.includes("video") && { ...device("video"), ...size },
    });
  }

  /** `earlier` is why asking for both failed: a refusal is not asked again for what it covers. */
  async #openAlone(kind, earlier = null) {
    if (!this.possible) return;
    try {
      if (earlier?.name === "NotAllowedError" && !(await this.#granted(kind))) throw earlier;
      this.#take(await this.#capture([kind]));
    } catch (error) {
      this.problem[kind] = Devices.#explain(error, kind);
    }
  }

  async #granted(kind) {
    try {
      const query = await navigator.permissions.query({ name: Devices.NAMES[kind] });
      return query.state === "granted";
    } catch {
      return false; // not every browser can tell
    }
  }

  #take(stream) {
    for (const track of stream.getTracks()) {
      this.#release(track.kind);
      this.stream.addTrack(track);
      track.enabled = this.wanted[track.kind];
      track.onended = () => this.#ended(track);
      if (!this.wanted[track.kind] && track.kind === "video") this.#release("video");
    }
  }

  #ended(track) {
    this.#release(track.kind);
    this.problem[track.kind] = `Your ${Devices.NAMES[track.kind]} was unplugged or taken away.`;
    this.#tell(track.kind);
  }

  #release(kind) {
    this.problem[kind] = "";
    const track = this.track(kind);
    if (!track) return;
    track.onended = null;
    track.stop();
    this.stream.removeTrack(track);
  }

  #tell(...kinds) {
    for (const kind of kinds) for (const listener of this.#listeners) listener(kind);
  }

  static #explain(error, kind) {
    const name = Devices.NAMES[kind];
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
}
