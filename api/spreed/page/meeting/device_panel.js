import { Devices } from "./devices.js";
import { announce, byId, setIcon, setWords } from "./page.js";

const NO_MEDIA =
  "This page was not opened over HTTPS, so the browser gives it no camera and no microphone. " +
  "You can join to watch, listen and chat.";

/** The five bars below the preview follow the microphone. */
export class Meter {
  #bars = [...byId("meter").children];
  #context = null;
  #source = null;

  show(track) {
    this.hide();
    if (!track || !window.AudioContext) return;
    this.#context = new AudioContext();
    const analyser = this.#context.createAnalyser();
    analyser.fftSize = 512;
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(analyser);
    const samples = new Uint8Array(analyser.fftSize);
    const draw = (context) => {
      if (context !== this.#context) return;
      analyser.getByteTimeDomainData(samples);
      this.#draw(samples.reduce((peak, s) => Math.max(peak, Math.abs(s - 128)), 0) / 128);
      requestAnimationFrame(() => draw(context));
    };
    draw(this.#context);
  }

  hide() {
    this.#source?.disconnect();
    this.#context?.close();
    this.#context = this.#source = null;
    this.#draw(0);
  }

  #draw(loudness) {
    const shape = [0.45, 0.8, 1, 0.7, 0.4];
    this.#bars.forEach((bar, i) => {
      bar.style.transform = `scaleY(${0.15 + 0.85 * Math.min(1, loudness * 2.2) * shape[i]})`;
    });
  }
}

/** The device buttons and lists, in the lobby and in the call. */
export class DevicePanel {
  #devices;

  constructor(devices) {
    this.#devices = devices;
    devices.onchange(() => this.update());
    for (const button of document.querySelectorAll("[data-toggle]")) {
      button.onclick = () => this.#toggle(button);
    }
    for (const kind of Devices.KINDS) {
      byId(`choose-${kind}`).onchange = ({ target }) => devices.choose(kind, target.value);
    }
    navigator.mediaDevices?.addEventListener("devicechange", () => this.update());
    byId("open-devices").onclick = () => {
      byId("dialog-devices").append(byId("devices"), byId("media-problem"));
      byId("devices-dialog").showModal();
    };
    byId("devices-done").onclick = () => byId("devices-dialog").close();
    this.update();
  }

  /** Back to the lobby: the lists move there. */
  reclaim() {
    byId("devices-dialog").close();
    byId("lobby-devices").append(byId("devices"), byId("media-problem"));
  }

  async update() {
    const devices = this.#devices;
    const problems = Devices.KINDS.map((kind) => devices.problem[kind]).filter(Boolean);
    byId("media-problem").textContent = devices.possible ? problems.join(" ") : NO_MEDIA;
    for (const button of document.querySelectorAll("[data-toggle]")) this.#show(button);
    for (const kind of Devices.KINDS) await this.#list(kind);
  }

  async #toggle(button) {
    const kind = button.dataset.toggle;
    button.disabled = true;
    await this.#devices.setOn(kind, !this.#devices.isOn(kind));
    button.disabled = !this.#devices.possible;
    button.focus();
    const problem = this.#devices.problem[kind];
    if (problem && !byId("call").hidden) announce(problem);
  }

  #show(button) {
    const kind = button.dataset.toggle;
    const on = this.#devices.isOn(kind);
    const words = { audio: ["Unmute", "Mute"], video: ["Start camera", "Stop camera"] };
    setWords(button, words[kind][Number(on)]);
    button.classList.toggle("off", !on);
    button.disabled = !this.#devices.possible;
    setIcon(button, on ? Devices.NAMES[kind] : `${Devices.NAMES[kind]}-off`);
  }

  async #list(kind) {
    const { devices, unseen, current } = await this.#devices.list(kind);
    const name = Devices.NAMES[kind];
    let none = `No ${name} found`;
    if (!this.#devices.possible) none = "Only with HTTPS";
    else if (unseen) none = "Listed once the browser may use it";
    const options = devices.map(({ id, label }, i) => new Option(label || `${name} ${i + 1}`, id));
    byId(`choose-${kind}`).replaceChildren(
      ...(options.length ? options : [new Option(none, "")]),
    );
    byId(`choose-${kind}`).disabled = !options.length;
    if (devices.some(({ id }) => id === current)) byId(`choose-${kind}`).value = current;
  }
}
