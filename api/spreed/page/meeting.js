/**
 * The Quintet meeting page: one room, a peer-to-peer call with everybody in it, and chat.
 *
 * From the wire up: Channel is the Spreed channelling websocket with resume, Devices the camera,
 * microphone and screen, Call one peer connection, Participant a person with tile and call, Stage
 * the tiles, Chat the side panel. Meeting ties them together and alone decides what happens next.
 * Whatever comes from other people reaches the document as text, never as markup.
 */

const CONFIG = JSON.parse(document.getElementById("quintet-config").textContent);

const AGENT = "Quintet page";
/** People connected to directly; more are shown without picture and sound. */
const MAX_CALLS = 24;
const MAX_MESSAGES = 500;
const MAX_NAME = 60;
/** A picture that still moves outlives a lost signalling connection by this much. */
const GRACE_MS = 12_000;

const REFUSALS = {
  room_join_requires_account: "This room is for people with an account on this server.",
  default_room_disabled: "This server has no default room. Please choose a room name.",
  invalid_room_name: "The name of this room is too long. Please choose another one.",
  room_full: "The room is full. Try again when somebody has left.",
  too_many_rooms: "The server has no space for another room at the moment.",
  too_many_attempts: "Too many wrong attempts. Please wait a while before you try again.",
  busy: "The server is very busy. Please try again in a moment.",
};
const RESTARTING = "The server is restarting. The meeting comes back by itself in a moment.";
const WRONG_PIN = new Set(["invalid_credentials", "invalid_pin"]);
const RETRIED = new Set(["shutting_down", "no_answer"]);

const NO_MEDIA =
  "This page was not opened over HTTPS, so the browser gives it no camera and no microphone. " +
  "You can join to watch, listen and chat.";

const byId = (id) => document.getElementById(id);
const randomId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(9)), (b) => b.toString(36)).join("");
const address = (path) => new URL(path, document.baseURI);
/** Untrusted text as one short line. */
const line = (text, limit) =>
  (typeof text === "string" ? text : "").replace(/[\s\p{Cc}\p{Cf}]+/gu, " ").trim().slice(0, limit);

function setIcon(element, name) {
  element.querySelector("use").setAttribute("href", `#icon-${name}`);
}

function showProblem(element, text) {
  element.textContent = text;
  element.hidden = !text;
}

/** Remember texts in a storage of the browser; one that forbids it just forgets. */
class Memory {
  #storage;

  constructor(storage) {
    this.#storage = storage;
  }

  get(key) {
    try {
      return window[this.#storage].getItem(`quintet.${key}`) ?? "";
    } catch {
      return "";
    }
  }

  set(key, value) {
    try {
      if (value) window[this.#storage].setItem(`quintet.${key}`, value);
      else window[this.#storage].removeItem(`quintet.${key}`);
    } catch {
      /* private mode */
    }
  }
}
const memory = new Memory("localStorage");
const memoryOfTab = new Memory("sessionStorage");

// ---------------------------------------------------------------------------------------------
// Channel

class Refused extends Error {
  constructor(code, message = "") {
    super(message);
    this.code = code;
  }
}

/**
 * The channelling websocket. It opens again by itself until `close`, and asks for the same id.
 *
 * Handlers: `ready(self)` each time a connection is greeted, `message(data, from)` for everything
 * that is not an answer, `lost({restarting, greeted})` when a connection ends unasked.
 */
class Channel {
  static PROBE_AFTER_MS = 5_000;
  static DEAD_AFTER_MS = 6_500; // after the probe: 11.5 s of silence in all
  static ANSWER_MS = 10_000;

  #handlers;
  #wanted = false;
  #socket = null;
  #greetedAt = 0;
  #token = "";
  #heard = 0;
  #probed = 0;
  #failures = 0;
  #answers = new Map();
  #count = 0;
  #timers = { retry: 0, pulse: 0, refresh: 0, connect: 0 };

  constructor(handlers) {
    this.#handlers = handlers;
    window.addEventListener("online", () => this.#retryNow());
  }

  get ready() {
    return this.#greetedAt > 0;
  }

  open() {
    this.#wanted = true;
    if (!this.#socket) this.#connect();
  }

  /** End for good: the next `open` starts as somebody new. */
  close() {
    this.pause();
    this.#token = "";
  }

  /** End, but keep the identity for the next `open`. */
  pause() {
    this.#wanted = false;
    this.#detach(1000);
  }

  /** Give this connection up and open another after the usual delay. */
  drop({ restarting = false } = {}) {
    if (this.#socket) this.#lost(restarting);
  }

  /** Send one document; false when there is no connection to send it on. */
  send(type, document, extra = {}) {
    if (!this.ready || this.#socket.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify({ Type: type, [type]: document, ...extra }));
    return true;
  }

  /** Ask for a direct answer. Rejects with Refused; code `no_answer` when none comes. */
  request(type, document) {
    const iid = `${++this.#count}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#answer(iid, null), Channel.ANSWER_MS);
      this.#answers.set(iid, { resolve, reject, timer });
      if (!this.send(type, document, { Iid: iid })) this.#answer(iid, null);
    });
  }

  #connect() {
    const url = address("ws");
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    if (this.#token) url.searchParams.set("t", this.#token);
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code }) => this.#lost(code === 1001);
    this.#timers.connect = setTimeout(() => this.#lost(false), Channel.ANSWER_MS);
  }

  #receive(text) {
    this.#heard = performance.now();
    this.#probed = 0;
    const { Data: data, From: from, Iid: iid } = JSON.parse(text);
    if (iid && this.#answers.has(iid)) this.#answer(iid, data);
    else if (data?.Type === "Self") this.#greet(data);
    else if (data) this.#handlers.message(data, from ?? "");
  }

  #greet(self) {
    clearTimeout(this.#timers.connect);
    this.#greetedAt = performance.now();
    this.#timers.pulse = setInterval(() => this.#pulse(), 1_000);
    this.#know(self);
    this.#handlers.ready(self);
  }

  /** Keep the token, and fetch fresh TURN credentials before the present ones end. */
  #know(self) {
    this.#token = self.Token;
    clearTimeout(this.#timers.refresh);
    if (!self.Turn?.ttl) return;
    this.#timers.refresh = setTimeout(
      async () => {
        const fresh = await this.request("Self", { Type: "Self" }).catch(() => null);
        if (fresh) this.#know(fresh);
        if (fresh) this.#handlers.refreshed(fresh);
      },
      Math.min(Math.max(self.Turn.ttl * 900, 30_000), 2 ** 31 - 1),
    );
  }

  #pulse() {
    const now = performance.now();
    if (this.#probed && now - this.#probed > Channel.DEAD_AFTER_MS) this.#lost(false);
    else if (!this.#probed && now - this.#heard > Channel.PROBE_AFTER_MS) {
      this.#probed = now;
      this.send("Alive", { Type: "Alive", Alive: Date.now() });
    }
  }

  #answer(iid, data) {
    const { resolve, reject, timer } = this.#answers.get(iid) ?? {};
    if (!this.#answers.delete(iid)) return;
    clearTimeout(timer);
    if (!data) reject(new Refused("no_answer"));
    else if (data.Type === "Error") reject(new Refused(data.Reason ?? data.Code, data.Message));
    else resolve(data);
  }

  #lost(restarting) {
    const greeted = this.ready;
    const lasted = greeted && performance.now() - this.#greetedAt > 5_000;
    this.#failures = lasted ? 0 : this.#failures + 1;
    this.#detach();
    if (!this.#wanted) return;
    const ceiling = Math.min(5_000, 500 * 1.8 ** Math.max(0, this.#failures - 1));
    this.#timers.retry = setTimeout(() => this.#connect(), ceiling * (0.7 + 0.3 * Math.random()));
    this.#handlers.lost({ restarting, greeted });
  }

  #retryNow() {
    if (!this.#wanted || this.#socket) return;
    clearTimeout(this.#timers.retry);
    this.#connect();
  }

  #detach(code) {
    const socket = this.#socket;
    this.#socket = null;
    this.#greetedAt = this.#probed = 0;
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    for (const iid of [...this.#answers.keys()]) this.#answer(iid, null);
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    socket.close(code);
  }
}

// ---------------------------------------------------------------------------------------------
// Devices

/** Camera, microphone and shared screen of this person. `changed(kind)` tells whoever shows them. */
class Devices {
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

  /** Pairs of id and label, and the id in use; labels are empty before permission. */
  async list(kind) {
    if (!this.possible) return { devices: [], current: "" };
    const devices = (await navigator.mediaDevices.enumerateDevices())
      .filter((device) => device.kind === `${kind}input` && device.deviceId)
      .map((device) => ({ id: device.deviceId, label: device.label }));
    return { devices, current: this.track(kind)?.getSettings().deviceId ?? this.#chosen[kind] };
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

// ---------------------------------------------------------------------------------------------
// Call

/** Wait until the candidates are gathered, but not for long: the rest follows one by one. */
function gathered(connection, limit = 200) {
  return new Promise((done) => {
    const check = () => {
      if (connection.iceGatheringState === "complete") done();
    };
    connection.onicegatheringstatechange = check;
    setTimeout(done, limit);
    check();
  });
}

/**
 * One peer connection with one person, negotiated "perfectly" (W3C WebRTC, 10.7): the polite side
 * gives way when two offers cross. The impolite side makes the first offer; the polite one does
 * when none comes.
 *
 * Every description says which Call it is from (`_from`) and for (`_for`), so that one made for
 * an earlier connection is never applied to a later one, and which stream is a screen (`_screen`).
 *
 * `link`: send(type, document), camera(stream), screen(stream or null), state(call).
 */
class Call {
  static FIRST_OFFER_MS = 2_500;
  static SETUP_MS = 15_000;

  id = randomId();
  /** The far side's Call, once it has spoken; stays empty with other Spreed clients. */
  far = "";
  #connection;
  #link;
  #polite;
  #media;
  #senders = {};
  #screen = null;
  #farScreen = "";
  /** The number of our latest offer: an answer says which one it answers, for messages cross. */
  #offers = 0;
  /** The number of their latest offer that we took, and our answer to it. */
  #taken = 0;
  #answer = null;
  #started = false;
  #described = false;
  #ignoring = false;
  #work = Promise.resolve();
  #timers = [];

  constructor({ link, polite, media, iceServers }) {
    this.#link = link;
    this.#polite = polite;
    this.#media = media;
    this.#connection = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    this.#listen();
    for (const kind of Devices.KINDS) this.setTrack(kind);
    this.setScreen();
    this.#timers.push(setTimeout(() => !this.connected && link.state(this, true), Call.SETUP_MS));
  }

  get connected() {
    return this.#connection.connectionState === "connected";
  }

  /** True while there is something to wait for: media flows, or it is still being set up. */
  get alive() {
    return ["new", "connecting", "connected"].includes(this.#connection.connectionState);
  }

  /** Begin: at once or, on the polite side, when the other one has not. */
  start() {
    if (!this.#polite) this.#offerFirst();
    else this.#timers.push(setTimeout(() => this.#offerFirst(), Call.FIRST_OFFER_MS));
  }

  /** Handle an Offer, Answer or Candidate; in order, one at a time. */
  signal(type, document) {
    this.#enqueue(() =>
      type === "Candidate" ? this.#candidate(document) : this.#description(type, document),
    );
  }

  /** Say again what may have got lost while one side had no signalling. */
  renew() {
    this.#enqueue(() => this.#awaitsAnswer() && this.#describe("Offer", this.#offers));
  }

  /** Send the present track of a kind, or nothing. */
  setTrack(kind) {
    const track = this.#media.track(kind);
    const sender = this.#senders[kind];
    if (sender) this.#enqueue(() => sender.replaceTrack(track));
    else if (track) this.#senders[kind] = this.#connection.addTrack(track, this.#media.stream);
  }

  setScreen() {
    this.#screen?.stop();
    this.#screen = null;
    const stream = this.#media.screen;
    if (!stream) return;
    this.#screen = this.#connection.addTransceiver(stream.getVideoTracks()[0], {
      direction: "sendonly",
      streams: [stream],
    });
  }

  /** Hold the camera to this many bits per second. */
  async limit(bitrate) {
    const sender = this.#senders.video;
    const parameters = sender?.getParameters();
    if (!parameters?.encodings?.length) return;
    parameters.encodings[0].maxBitrate = bitrate;
    await sender.setParameters(parameters).catch(() => {}); // negotiated away meanwhile
  }

  /** How loud the other one is just now, 0 to 1. */
  get loudness() {
    const receiver = this.#connection.getReceivers().find(({ track }) => track.kind === "audio");
    return receiver?.getSynchronizationSources()[0]?.audioLevel ?? 0;
  }

  close() {
    this.#timers.forEach(clearTimeout);
    const connection = this.#connection;
    connection.ontrack = connection.onicecandidate = null;
    connection.onnegotiationneeded = connection.onconnectionstatechange = null;
    connection.close();
  }

  #listen() {
    const connection = this.#connection;
    connection.onnegotiationneeded = () => {
      if (this.#started) this.#enqueue(() => this.#offer());
    };
    connection.onconnectionstatechange = () => {
      if (this.connected) this.#timers.forEach(clearTimeout);
      this.#link.state(this, connection.connectionState === "failed");
    };
    connection.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate && this.#described) this.#send("Candidate", candidate.toJSON());
    };
    connection.ontrack = ({ track, streams }) => {
      const stream = streams[0] ?? new MediaStream([track]);
      if (stream.id === this.#farScreen) this.#link.screen(stream);
      else this.#link.camera(stream);
    };
  }

  #enqueue(step) {
    this.#work = this.#work.then(step).catch((error) => {
      // A description that does not fit ends in a new connection; the set-up deadline sees to it.
      if (this.#connection.signalingState !== "closed") console.warn("call:", error.name);
    });
  }

  #offerFirst() {
    if (this.#started) return;
    this.#started = true;
    for (const kind of Devices.KINDS) {
      if (this.#senders[kind]) continue;
      this.#connection.addTransceiver(kind, { direction: "recvonly" });
    }
    this.#enqueue(() => this.#offer());
  }

  #awaitsAnswer() {
    return this.#connection.signalingState === "have-local-offer";
  }

  async #offer() {
    if (this.#connection.signalingState !== "stable") return; // asked again once it is
    await this.#connection.setLocalDescription();
    this.#offers += 1;
    await this.#describe("Offer", this.#offers);
  }

  /** Send what we have described, and return it. */
  async #describe(type, number) {
    await gathered(this.#connection);
    const { sdp } = this.#connection.localDescription;
    this.#described = true;
    const screen = this.#media.screen?.id ?? "";
    const document = { type: type.toLowerCase(), sdp, _screen: screen, _number: number };
    this.#send(type, document);
    return document;
  }

  #send(type, document) {
    this.#link.send(type, { ...document, _from: this.id, _for: this.far });
  }

  async #description(type, document) {
    if (document._for && document._for !== this.id) return this.#offerFirst();
    if ((document._from ?? "") !== this.far) this.#taken = 0;
    this.far = document._from ?? "";
    if (type === "Answer") return this.#answered(document);
    // An offer that comes again: it crossed our answer, or that got lost.
    if (document._number && document._number === this.#taken) {
      return this.#send("Answer", this.#answer);
    }
    this.#ignoring = this.#awaitsAnswer() && !this.#polite;
    if (this.#ignoring) return this.#describe("Offer", this.#offers); // in case ours got lost
    this.#started = true;
    await this.#take("offer", document);
    await this.#connection.setLocalDescription();
    this.#answer = await this.#describe("Answer", document._number);
    this.#taken = document._number;
  }

  async #answered(document) {
    const number = document._number ?? this.#offers; // other clients do not number
    if (!this.#awaitsAnswer() || number !== this.#offers) return;
    this.#ignoring = false;
    await this.#take("answer", document);
  }

  async #take(type, { sdp, _screen: screen }) {
    this.#farScreen = screen ?? "";
    await this.#connection.setRemoteDescription({ type, sdp });
    if (!this.#farScreen) this.#link.screen(null);
  }

  async #candidate(document) {
    if ((document._from ?? "") !== this.far || (document._for && document._for !== this.id)) return;
    try {
      await this.#connection.addIceCandidate(document);
    } catch (error) {
      if (!this.#ignoring) throw error;
    }
  }
}

// ---------------------------------------------------------------------------------------------
// Stage

/** One picture: a person or a screen. */
class Tile {
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
    this.element.querySelector(".avatar").textContent = [...name][0]?.toUpperCase() ?? "";
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

  setNote(text) {
    showProblem(this.element.querySelector(".note"), text);
  }
}

/** The tiles, each as large as all of them allow; shared screens large beside small people. */
class Stage {
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

// ---------------------------------------------------------------------------------------------
// Participant

/**
 * Somebody else in the room: name, tiles, and the call with them.
 *
 * `meeting` offers: id, media, iceServers, stage, conference, mayCall, hasSpace(),
 * signal(to, type, document), shareBandwidth(), gone(person).
 */
class Participant {
  name = "Guest";
  call = null;
  #meeting;
  #isPage;
  #tile = new Tile();
  #screen = new Tile({ screen: true });
  #colour;
  #missing = 0;
  #retry = 0;
  #failures = 0;
  #saidBye = false;
  #camera = true;

  constructor({ Id: id, Ua: agent }, meeting) {
    this.id = id;
    this.#isPage = agent === AGENT;
    this.#meeting = meeting;
    this.#colour = ([...id].reduce((sum, c) => sum + c.charCodeAt(0), 0) % 5) + 1;
    this.setStatus(null);
    meeting.stage.add(this.#tile);
  }

  setStatus(status) {
    this.name = line(status?.displayName, MAX_NAME) || "Guest";
    this.#tile.setName(this.name, this.#colour);
    this.#screen.setName(`Screen of ${this.name}`, this.#colour);
    this.#tile.setMuted(status?.quintet?.microphone === false);
    this.#camera = status?.quintet?.camera !== false;
    this.#showPicture();
  }

  /** Present, as far as the server knows: see to it that there is a call, and only one. */
  present() {
    clearTimeout(this.#missing);
    this.#missing = 0;
    this.#saidBye = false;
    if (this.call?.alive) this.call.renew();
    else if (this.#meeting.mayCall) this.#begin();
    this.#showState();
  }

  /** Whoever waited for the conference to have an id may call now. */
  called() {
    if (!this.call && !this.#saidBye) this.present();
  }

  /** Not in the room as the server has it, perhaps only for a moment. */
  miss() {
    if (!this.call?.alive) return this.#meeting.gone(this);
    this.#missing ||= setTimeout(() => this.#meeting.gone(this), GRACE_MS);
    return this.#showState();
  }

  /** An Offer, Answer or Candidate of theirs. */
  signal(type, document) {
    if (!document || typeof document !== "object") return;
    const stranger = this.call?.far && document._from && document._from !== this.call.far;
    if (type === "Offer" && (!this.call || stranger)) {
      if (!this.#make()) return;
    } else if (!this.call || stranger) return;
    this.#saidBye = false;
    this.call.signal(type, document);
  }

  bye() {
    this.#saidBye = true;
    this.#drop();
    this.#showState();
  }

  showLoudness() {
    this.#tile.setSpeaking((this.call?.loudness ?? 0) > 0.02);
  }

  remove() {
    clearTimeout(this.#missing);
    this.#drop();
    this.#meeting.stage.remove(this.#tile);
  }

  #begin() {
    if (this.#make()) this.call.start();
  }

  #make() {
    this.#drop();
    if (!this.#meeting.hasSpace()) return false;
    this.call = new Call({
      link: {
        send: (type, document) => this.#meeting.signal(this.id, type, document),
        camera: (stream) => this.#showCamera(stream),
        screen: (stream) => this.#showScreen(stream),
        state: (call, failed) => this.#changed(call, failed),
      },
      polite: this.#waits(),
      media: this.#meeting.media,
      iceServers: this.#meeting.iceServers,
    });
    return true;
  }

  /** Whether the first offer is theirs: of two pages it is the greater id's, and in a conference
   *  other clients call those with a greater id than their own. */
  #waits() {
    const { id, conference } = this.#meeting;
    return conference && !this.#isPage ? id > this.id : id < this.id;
  }

  #drop() {
    clearTimeout(this.#retry);
    this.#retry = 0;
    this.call?.close();
    this.call = null;
    this.#tile.setStream(null);
    this.#tile.setSpeaking(false);
    this.#showPicture();
    this.#showScreen(null);
  }

  #changed(call, failed) {
    if (call !== this.call) return;
    if (!call.alive && this.#missing) return this.#meeting.gone(this);
    if (call.connected) this.#failures = 0;
    if (call.connected) this.#meeting.shareBandwidth();
    if (failed) this.#again();
    return this.#showState();
  }

  /** Build the connection anew, each time a little later. */
  #again() {
    if (this.#retry) return;
    const delay = Math.min(15_000, 500 * 2 ** this.#failures++);
    this.#retry = setTimeout(() => {
      this.#retry = 0;
      if (!this.call?.connected && !this.#saidBye) this.#begin();
      this.#showState();
    }, delay);
  }

  #showCamera(stream) {
    this.#tile.setStream(stream);
    stream.onaddtrack = stream.onremovetrack = () => this.#showPicture();
    this.#showPicture();
  }

  #showPicture() {
    const tracks = this.#tile.video.srcObject?.getVideoTracks() ?? [];
    this.#tile.setPicture(this.#camera && tracks.length > 0);
  }

  #showScreen(stream) {
    this.#screen.setStream(stream);
    if (stream) this.#meeting.stage.add(this.#screen);
    else this.#meeting.stage.remove(this.#screen);
  }

  #showState() {
    let note = "";
    if (this.#missing) note = "Reconnecting…";
    else if (this.#saidBye) note = "Has hung up";
    else if (!this.call && this.#meeting.mayCall)
      note = "Chat only: too many people for a direct call";
    else if (!this.call?.connected) note = "Connecting…";
    this.#tile.setNote(note);
  }
}

// ---------------------------------------------------------------------------------------------
// Chat

/** The side panel. `send(text, mid)` returns false while there is no connection. */
class Chat {
  #panel = byId("chat");
  #list = byId("messages");
  #text = byId("chat-text");
  #toggle = byId("open-chat");
  #unread = 0;
  #unsent = new Map();
  #seen = new Set();
  #send;

  constructor(send) {
    this.#send = send;
    this.#toggle.onclick = () => this.show(this.#panel.hidden);
    byId("close-chat").onclick = () => this.show(false);
    this.#panel.onkeydown = ({ key }) => {
      if (key === "Escape") this.show(false); // to return false would undo every other key
    };
    byId("chat-form").onsubmit = (event) => this.#submit(event);
    this.#text.onkeydown = (event) => this.#key(event);
    this.#text.oninput = () => this.#grow();
  }

  show(open) {
    this.#panel.hidden = !open;
    byId("call").classList.toggle("chatting", open);
    this.#toggle.setAttribute("aria-expanded", String(open));
    if (!open) return this.#toggle.focus();
    this.#count(0);
    this.#scroll();
    return this.#text.focus();
  }

  clear() {
    this.#list.replaceChildren();
    this.#unsent.clear();
    this.#seen.clear();
    this.#text.value = "";
    this.#panel.hidden = true;
    byId("call").classList.remove("chatting");
    this.#toggle.setAttribute("aria-expanded", "false");
    this.#count(0);
  }

  /** Show what somebody said; `mid` tells a repetition from a second message. */
  receive(name, text, mid, time) {
    if (typeof text !== "string" || !text || this.#seen.has(mid)) return;
    if (mid) this.#seen.add(mid);
    if (this.#seen.size > MAX_MESSAGES) this.#seen.delete(this.#seen.values().next().value);
    this.#add(name, text, time);
    if (this.#panel.hidden) this.#count(this.#unread + 1);
  }

  /** The server's echo: this message of ours is on its way to everybody. */
  confirm(mid) {
    this.#unsent.get(mid)?.item.classList.remove("pending");
    this.#unsent.delete(mid);
  }

  /** Back in the room: say what was said into the void. */
  resend() {
    for (const [mid, { text }] of this.#unsent) this.#send(text, mid);
  }

  #submit(event) {
    event.preventDefault();
    const text = this.#text.value.trim();
    if (!text) return;
    const mid = randomId();
    const item = this.#add("You", text);
    item.classList.add("mine", "pending");
    this.#unsent.set(mid, { text, item });
    this.#send(text, mid);
    this.#text.value = "";
    this.#grow();
  }

  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    byId("chat-form").requestSubmit();
  }

  #add(name, text, time = "") {
    const said = new Date(time || Date.now());
    const item = document.createElement("li");
    const head = item.appendChild(document.createElement("p"));
    head.className = "said-by";
    head.appendChild(document.createElement("b")).textContent = name;
    const stamp = head.appendChild(document.createElement("time"));
    stamp.textContent = (isNaN(said) ? new Date() : said).toLocaleTimeString([], {
      hour: "2-digit",
      minute: "2-digit",
    });
    const body = item.appendChild(document.createElement("p"));
    body.className = "said";
    body.textContent = text;
    this.#list.append(item);
    if (this.#list.childElementCount > MAX_MESSAGES) this.#list.firstElementChild.remove();
    this.#scroll();
    return item;
  }

  #scroll() {
    this.#list.scrollTop = this.#list.scrollHeight;
  }

  #grow() {
    this.#text.style.height = "auto";
    this.#text.style.height = `${Math.min(this.#text.scrollHeight + 2, 160)}px`;
  }

  #count(unread) {
    this.#unread = unread;
    const badge = byId("unread");
    badge.hidden = !unread;
    badge.querySelector("span").textContent = unread > 99 ? "99+" : String(unread);
  }
}

// ---------------------------------------------------------------------------------------------
// Small pieces of the page

/** Ask for one word. Resolves with it, or with null when the person would rather not. */
class Question {
  #dialog = byId("ask");
  #input = byId("ask-input");
  #resolve = null;

  constructor() {
    byId("ask-form").onsubmit = (event) => {
      event.preventDefault();
      this.#settle(this.#input.value.trim());
    };
    byId("ask-cancel").onclick = () => this.dismiss();
    this.#dialog.oncancel = () => this.dismiss();
  }

  /** A question still open is dismissed by the next one. */
  ask({ title, text, label, action, problem = "" }) {
    this.dismiss();
    byId("ask-title").textContent = title;
    byId("ask-text").textContent = text;
    byId("ask-label").textContent = label;
    byId("ask-ok").textContent = action;
    showProblem(byId("ask-problem"), problem);
    this.#input.value = "";
    this.#dialog.showModal();
    this.#input.focus();
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  dismiss() {
    this.#settle(null);
  }

  #settle(answer) {
    this.#dialog.close();
    this.#resolve?.(answer || null);
    this.#resolve = null;
  }
}

/** Say something once, to eyes and to screen readers. */
function announce(text) {
  byId("announcements").textContent = text;
  const toast = document.createElement("p");
  toast.textContent = text;
  byId("toasts").append(toast);
  setTimeout(() => toast.remove(), 4_000);
}

/** Show one view and move the reading position to its heading. */
function showView(name, title) {
  for (const view of document.querySelectorAll("main.view")) view.hidden = view.id !== name;
  document.title = title;
  byId(name).querySelector("h1").focus({ preventScroll: true });
}

/** The five bars below the preview follow the microphone. */
class Meter {
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
class DevicePanel {
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
    button.querySelector("span").textContent = words[kind][Number(on)];
    button.classList.toggle("off", !on);
    button.disabled = !this.#devices.possible;
    setIcon(button, on ? Devices.NAMES[kind] : `${Devices.NAMES[kind]}-off`);
  }

  async #list(kind) {
    const { devices, current } = await this.#devices.list(kind);
    const name = Devices.NAMES[kind];
    const options = devices.map(({ id, label }, i) => new Option(label || `${name} ${i + 1}`, id));
    byId(`choose-${kind}`).replaceChildren(
      ...(options.length ? options : [new Option(`No ${name} found`, "")]),
    );
    byId(`choose-${kind}`).disabled = !options.length;
    if (devices.some(({ id }) => id === current)) byId(`choose-${kind}`).value = current;
  }
}

// ---------------------------------------------------------------------------------------------
// Meeting

/** One person's stay in one room, from the lobby to the goodbye. */
class Meeting {
  media = new Devices();
  stage = new Stage();
  id = "";
  iceServers = [];
  /** In a room where the server makes a conference of everybody: its id, once there are two. */
  conference = "";
  #room;
  #roomType = "";
  #phase = "lobby"; // lobby, joining, in, left
  #pin = "";
  #name = "";
  #people = new Map();
  #question = new Question();
  #asking = false; // for what lets us in: a PIN or an access token
  #panel = new DevicePanel(this.media);
  #meter = new Meter();
  #own = new Tile({ own: true });
  #ownScreen = new Tile({ own: true, screen: true });
  #channel = new Channel({
    ready: (self) => this.#ready(self),
    refreshed: (self) => this.#useServers(self),
    message: (data, from) => this.#receive(data, from),
    lost: (how) => this.#lost(how),
  });
  #chat = new Chat((text, mid) => this.#say(text, mid));

  constructor(room) {
    this.#room = room;
    byId("lobby-room").textContent = byId("call-room").textContent = room;
    byId("address").value = location.href;
    byId("name").value = memory.get("name");
    byId("join-form").onsubmit = (event) => {
      event.preventDefault();
      if (this.#phase === "lobby") this.#join();
      else this.#backToLobby("");
    };
    byId("leave").onclick = () => this.#hangUp();
    byId("again").onclick = () => this.openLobby();
    byId("share").onclick = () => this.#toggleScreen();
    byId("lock").onclick = () => this.#toggleLock();
    byId("copy").onclick = () => this.#copyAddress();
    window.addEventListener("pagehide", () => {
      if (this.#phase === "in") this.#hangUp();
    });
    this.media.onchange((kind) => this.#mediaChanged(kind));
    setInterval(() => this.#showLoudness(), 300);
  }

  openLobby(problem = "") {
    this.#phase = "lobby";
    this.#pin = "";
    this.#panel.reclaim();
    showView("lobby", `${this.#room} · ${CONFIG.Title}`);
    this.#showJoining(problem);
    return this.media.open();
  }

  // What participants need of us

  signal(to, type, document) {
    const called = type === "Offer" && this.conference ? { _conference: this.conference } : {};
    this.#channel.send(type, { Type: type, To: to, [type]: { ...document, ...called } });
  }

  /** In a conference, only with its id: other clients take an offer without it for a second call. */
  get mayCall() {
    return this.#roomType !== "Conference" || Boolean(this.conference);
  }

  hasSpace() {
    return [...this.#people.values()].filter((person) => person.call).length < MAX_CALLS;
  }

  /** Everybody gets an own copy of our picture: the more there are, the smaller each. */
  shareBandwidth() {
    const bitrate = Math.max(150_000, Math.min(1_500_000, 3_000_000 / this.#people.size));
    for (const { call } of this.#people.values()) call?.limit(bitrate);
  }

  gone(person) {
    if (!this.#people.delete(person.id)) return;
    person.remove();
    announce(`${person.name} has left`);
    this.#peopleChanged();
  }

  // Coming in

  #join() {
    this.#name = line(byId("name").value, MAX_NAME);
    memory.set("name", this.#name);
    this.#phase = "joining";
    this.#showJoining("");
    this.#channel.open();
  }

  #backToLobby(problem) {
    this.#phase = "lobby";
    this.#channel.close();
    this.#question.dismiss();
    this.#clearPeople();
    if (this.media.screen) this.media.unshare();
    this.openLobby(problem);
  }

  #showJoining(problem) {
    showProblem(byId("lobby-problem"), problem);
    byId("join").textContent = this.#phase === "joining" ? "Cancel" : "Join";
    byId("name").readOnly = this.#phase === "joining";
  }

  #ready(self) {
    if (this.id && this.id !== self.Id) this.#clearPeople(); // to the others we are somebody new
    this.id = self.Id;
    this.#useServers(self);
    if (!this.#asking) this.#enter();
  }

  #useServers(self) {
    const { urls, username, password: credential } = self.Turn ?? {};
    this.iceServers = [];
    if (self.Stun?.length) this.iceServers.push({ urls: self.Stun });
    if (urls?.length) this.iceServers.push({ urls, username, credential });
    try {
      new RTCPeerConnection({ iceServers: this.iceServers }).close();
    } catch {
      this.iceServers = []; // an address the browser cannot read would end every call
      announce("The server's STUN or TURN addresses are wrong; some calls may not connect.");
    }
  }

  async #enter() {
    const hello = {
      Version: CONFIG.Version ?? "",
      Ua: AGENT,
      Name: this.#room,
      Type: "",
    };
    if (this.#pin) hello.Credentials = { PIN: this.#pin };
    this.#sendStatus();
    try {
      this.#welcome(await this.#channel.request("Hello", hello));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      await this.#refused(error.code);
    }
  }

  #welcome({ Room: room, Users: users }) {
    this.#roomType = room?.Type ?? "";
    this.#sendStatus();
    this.#showLink("");
    if (this.#phase !== "in") this.#openCall();
    const present = new Set();
    for (const user of users ?? []) {
      present.add(user.Id);
      this.#meet(user);
    }
    for (const person of [...this.#people.values()]) if (!present.has(person.id)) person.miss();
    this.#showLock();
    this.#chat.resend();
  }

  #openCall() {
    this.#phase = "in";
    this.#meter.hide();
    this.#own.setStream(this.media.stream);
    this.stage.add(this.#own);
    this.#showOwn();
    this.#chat.clear();
    byId("share").hidden = !navigator.mediaDevices?.getDisplayMedia;
    showView("call", `${this.#room} · ${CONFIG.Title}`);
    this.#peopleChanged();
  }

  async #refused(code) {
    if (!this.#channel.ready || !["joining", "in"].includes(this.#phase)) return;
    if (code === "authorization_required" || WRONG_PIN.has(code)) {
      await this.#askPin(WRONG_PIN.has(code) && this.#pin);
    } else if (code === "authorization_not_required" && this.#pin) {
      this.#pin = ""; // unlocked while we were away
      await this.#enter();
    } else if (RETRIED.has(code) || (code === "busy" && this.#phase === "in")) {
      this.#channel.drop({ restarting: code === "shutting_down" });
    } else {
      this.#backToLobby(REFUSALS[code] ?? "The server did not let you in.");
    }
  }

  async #askPin(wrong) {
    const remembered = memoryOfTab.get(`pin.${this.#room}`);
    let problem = "";
    if (wrong && remembered === this.#pin) problem = "The PIN has been changed.";
    else if (wrong) problem = "That PIN is not the right one.";
    if (wrong) this.#rememberPin("");
    const question = {
      title: "This room is locked",
      text: "Ask somebody who is inside for the PIN.",
      label: "PIN",
      action: "Enter",
      problem,
    };
    const pin = (!wrong && remembered) || (await this.#askToEnter(question));
    if (!pin) return;
    this.#pin = pin;
    if (this.#channel.ready) await this.#enter();
  }

  /** Ask for what lets us in. No answer leads back to the lobby, as null. */
  async #askToEnter(question) {
    this.#asking = true;
    const answer = await this.#question.ask(question);
    this.#asking = false;
    const waiting = this.#phase === "joining" || this.#phase === "in";
    if (!answer && waiting) this.#backToLobby("");
    return waiting ? answer : null;
  }

  // Losing the server

  #lost({ restarting, greeted }) {
    if (!greeted && CONFIG.Tokens && !this.#asking) this.#askToken();
    if (this.#phase !== "in") {
      const words = greeted ? "Reconnecting…" : "The server cannot be reached. Trying again…";
      this.#showJoining(restarting ? RESTARTING : words);
    } else if (restarting) this.#showLink(RESTARTING);
    else if (!byId("link-state").textContent) this.#showLink("Reconnecting…");
  }

  #showLink(text) {
    byId("link-state").textContent = text;
  }

  /** A websocket that wants an access token cannot say so; if the server answers at all, ask. */
  async #askToken() {
    const reachable = await fetch(address("api/v1/config")).then((r) => r.ok).catch(() => false);
    if (!reachable || this.#channel.ready || this.#asking) return;
    this.#channel.pause();
    let problem = "";
    do {
      const token = await this.#askToEnter({
        title: "This server asks for an access code",
        text: "You get it from the person who runs the server.",
        label: "Access code",
        action: "Continue",
        problem,
      });
      if (!token) return;
      problem = await this.#offerToken(token);
    } while (problem);
    if (this.#phase === "joining") this.#showJoining("");
    this.#channel.open();
  }

  /** Returns what is wrong with the token, or nothing. */
  async #offerToken(token) {
    try {
      const response = await fetch(address("api/v1/tokens"), {
        method: "POST",
        body: new URLSearchParams({ a: token }),
      });
      if (response.ok) return "";
      return response.status === 429 ? REFUSALS.too_many_attempts : "That access code is not valid.";
    } catch {
      return "The server cannot be reached.";
    }
  }

  // What the room tells

  #receive(data, from) {
    if (this.#phase !== "in") return;
    const person = this.#people.get(data.Id ?? from);
    switch (data.Type) {
      case "Joined":
        return this.#meet(data, true);
      case "Left":
        return data.Status === "soft" ? person && this.gone(person) : person?.miss();
      case "Status":
        person?.setStatus(data.Status);
        return this.#peopleChanged();
      case "Offer":
      case "Answer":
      case "Candidate":
        return this.#people.get(from)?.signal(data.Type, data[data.Type]);
      case "Bye":
        return this.#people.get(from)?.bye();
      case "Chat":
        return this.#heard(data, from);
      default:
        if (!from && data.Type === "Conference") this.#called(data);
        else if (typeof data.Name === "string") this.#roomChanged(data, from);
    }
  }

  #meet(user, justNow = false) {
    if (!user.Id || user.Id === this.id) return;
    const known = this.#people.get(user.Id);
    const person = known ?? new Participant(user, this);
    this.#people.set(user.Id, person);
    if (user.Status) person.setStatus(user.Status);
    person.present();
    if (justNow && !known) announce(`${person.name} has joined`);
    this.#peopleChanged();
  }

  /** The server makes one conference of everybody in the room. */
  #called({ Id: id }) {
    this.conference = id;
    for (const person of this.#people.values()) person.called();
  }

  #heard({ To: to, Chat: chat }, from) {
    if (!chat) return;
    if (from === this.id) return this.#chat.confirm(chat.Mid);
    const name = this.#people.get(from)?.name;
    if (!name) return;
    this.#chat.receive(to ? `${name} (to you)` : name, chat.Message, chat.Mid, chat.Time);
    if (chat.Message && byId("chat").hidden) announce(`${name}: ${line(chat.Message, 80)}`);
  }

  /** Somebody locked or unlocked the room; the document's type is the room's type. */
  #roomChanged({ Credentials: credentials }, from) {
    if ((credentials?.PIN ?? "") === this.#pin) return;
    this.#pin = credentials?.PIN ?? "";
    this.#showLock();
    const who = this.#people.get(from)?.name ?? "Somebody";
    announce(`${who} has ${this.#pin ? "locked" : "unlocked"} the room`);
  }

  #peopleChanged() {
    const count = this.#people.size + 1;
    byId("count").textContent = count === 1 ? "Only you" : `${count} people`;
    this.stage.invite(count === 1);
    this.shareBandwidth();
  }

  #clearPeople() {
    for (const person of this.#people.values()) person.remove();
    this.#people.clear();
  }

  #showLoudness() {
    if (this.#phase !== "in") return;
    for (const person of this.#people.values()) person.showLoudness();
  }

  // What we tell the room

  #sendStatus() {
    const microphone = this.media.isOn("audio");
    const camera = this.media.isOn("video");
    const status = { displayName: this.#name || "Guest", quintet: { microphone, camera } };
    this.#channel.send("Status", { Type: "Status", Status: status });
  }

  #say(text, mid) {
    const chat = { Message: text, Time: "", Mid: mid };
    return this.#channel.send("Chat", { Type: "Chat", To: "", Chat: chat });
  }

  #mediaChanged(kind) {
    if (this.#phase === "lobby" || this.#phase === "joining") return this.#showPreview();
    if (this.#phase !== "in") return undefined;
    for (const { call } of this.#people.values()) {
      if (kind === "screen") call?.setScreen();
      else call?.setTrack(kind);
    }
    this.#showOwn();
    this.#sendStatus();
    return this.#peopleChanged();
  }

  #showPreview() {
    const on = this.media.isOn("video");
    byId("preview").srcObject = on ? this.media.stream : null; // an empty one never finishes loading
    byId("preview-tile").classList.toggle("no-picture", !on);
    byId("preview-empty").textContent =
      this.media.problem.video || !this.media.possible ? "No camera" : "Your camera is off";
    this.#meter.show(this.media.isOn("audio") ? this.media.track("audio") : null);
  }

  #showOwn() {
    this.#own.setName(`${this.#name || "Guest"} (you)`, 1);
    this.#own.setPicture(this.media.isOn("video"));
    this.#own.setMuted(!this.media.isOn("audio"));
    const { screen } = this.media;
    this.#ownScreen.setName("Your screen");
    this.#ownScreen.setStream(screen);
    if (screen) this.stage.add(this.#ownScreen);
    else this.stage.remove(this.#ownScreen);
    setIcon(byId("share"), screen ? "screen-off" : "screen");
    byId("share").querySelector("span").textContent = screen ? "Stop sharing" : "Share screen";
    byId("share").classList.toggle("active", Boolean(screen));
  }

  async #toggleScreen() {
    if (this.media.screen) return this.media.unshare();
    try {
      return await this.media.share();
    } catch (error) {
      if (error.name === "NotAllowedError") return announce("No screen is shared.");
      return announce("The browser could not share a screen.");
    }
  }

  async #toggleLock() {
    let pin = "";
    if (!this.#pin) {
      pin = await this.#question.ask({
        title: "Lock this room",
        text: "Whoever comes later needs this PIN. Everybody who is here already stays.",
        label: "New PIN",
        action: "Lock",
      });
      if (!pin) return;
    }
    const room = { Name: this.#room, Type: this.#roomType, Credentials: { PIN: pin } };
    try {
      await this.#channel.request("Room", room);
    } catch {
      return announce("The lock could not be changed. Please try again.");
    }
    this.#pin = pin;
    this.#showLock();
    announce(pin ? "The room is locked" : "The room is open");
  }

  /** Over a reload, in this tab only. */
  #rememberPin(pin) {
    memoryOfTab.set(`pin.${this.#room}`, pin);
  }

  #showLock() {
    this.#rememberPin(this.#pin);
    byId("locked").hidden = !this.#pin;
    byId("lock").querySelector("span").textContent = this.#pin ? "Unlock" : "Lock";
    byId("lock").classList.toggle("active", Boolean(this.#pin));
    setIcon(byId("lock"), this.#pin ? "lock" : "unlock");
  }

  async #copyAddress() {
    try {
      await navigator.clipboard.writeText(location.href);
    } catch {
      byId("address").select(); // no clipboard outside HTTPS
      document.execCommand("copy");
    }
    announce("The address is copied");
  }

  // Going

  #hangUp() {
    this.#phase = "left";
    for (const { id } of this.#people.values()) this.signal(id, "Bye", { Reason: "hangup" });
    this.#channel.send("Leave", {});
    this.#channel.close();
    this.#question.dismiss();
    this.#clearPeople();
    this.stage.remove(this.#own);
    this.stage.remove(this.#ownScreen);
    this.media.close();
    this.#showLink("");
    byId("goodbye-text").textContent = `The meeting in “${this.#room}” goes on without you.`;
    showView("goodbye", CONFIG.Title);
  }
}

// ---------------------------------------------------------------------------------------------
// Start

/** The room the address names, "" for none: path segments below the base, decoded. */
function roomOfAddress() {
  const base = new URL(".", document.baseURI).pathname;
  const segments = location.pathname.slice(base.length).split("/").filter(Boolean);
  try {
    return segments.map(decodeURIComponent).join("/");
  } catch {
    return segments.join("/");
  }
}

function goTo(room) {
  location.assign(address(room.split("/").filter(Boolean).map(encodeURIComponent).join("/")));
}

async function makeRoom() {
  try {
    const response = await fetch(address("api/v1/rooms"), { method: "POST" });
    if (!response.ok) throw new Refused(String(response.status));
    goTo((await response.json()).name);
  } catch {
    showProblem(byId("start-problem"), "The server could not make a room. Please try again.");
  }
}

function openStart() {
  byId("make-room").onclick = makeRoom;
  byId("room-form").onsubmit = (event) => {
    event.preventDefault();
    const room = byId("room-name").value.trim();
    if (room) goTo(room);
  };
  showView("start", CONFIG.Title);
}

const room = roomOfAddress();
if (room) new Meeting(room).openLobby();
else openStart();
