import { Devices } from "./devices.js";
import { randomId } from "./page.js";
import { Gauge } from "./quality.js";

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
export class Call {
  static FIRST_OFFER_MS = 2_500;
  static SETUP_MS = 15_000;

  id = randomId();
  /** The far side's Call, once it has spoken; stays empty with other Spreed clients. */
  far = "";
  #connection;
  #gauge;
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
  #misfit = false;
  #work = Promise.resolve();
  #timers = [];

  constructor({ link, polite, media, iceServers }) {
    this.#link = link;
    this.#polite = polite;
    this.#media = media;
    this.#connection = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    this.#gauge = new Gauge(this.#connection);
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

  /** How well it does: see Gauge. */
  look() {
    return this.#gauge.look();
  }

  /** Why it does not connect, as the server counts it; "timeout": the other one never answered. */
  get trouble() {
    const { remoteDescription, iceConnectionState } = this.#connection;
    if (this.#misfit) return "other";
    if (!remoteDescription) return "timeout";
    return ["connected", "completed"].includes(iceConnectionState) ? "dtls" : "no_route";
  }

  /** The kinds of addresses that were tried here and there: `host`, `srflx`, `prflx`, `relay`. */
  async candidateKinds() {
    const reports = [...(await this.#connection.getStats()).values()];
    const kinds = (type) => [
      ...new Set(reports.filter((report) => report.type === type).map((r) => r.candidateType)),
    ];
    return { local: kinds("local-candidate"), remote: kinds("remote-candidate") };
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
      if (this.#connection.signalingState === "closed") return;
      this.#misfit = true;
      console.warn("call:", error.name);
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
