import { Call } from "./call.js";
import { rate } from "./quality.js";
import { line, MAX_NAME } from "./text.js";
import { Tile } from "./tile.js";

export const AGENT = "Quintet page";
/** A picture that still moves outlives a lost signalling connection by this much. */
const GRACE_MS = 12_000;
/** A call that has not connected by then is told of as failed; it is tried further. */
const OVERDUE_MS = 15_000;

/**
 * Somebody else in the room: name, tiles, and the call with them.
 *
 * `meeting` offers: id, media, iceServers, stage, conference, mayCall, hasSpace(),
 * signal(to, type, document), shareBandwidth(), callFailed(id, trouble, kinds), explain(person),
 * gone(person).
 */
export class Participant {
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
  #overdue = 0;
  /** Why the call does not connect; "" while there is still hope. */
  #trouble = "";
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
    this.#hope();
    this.#drop();
    this.#showState();
  }

  showLoudness() {
    this.#tile.setSpeaking((this.call?.loudness ?? 0) > 0.02);
  }

  /** Look how the call does, and show it; null without one that is connected. */
  async look() {
    const call = this.call?.connected ? this.call : null;
    const seen = (await call?.look()) ?? null;
    if (call !== this.call) return null; // it ended meanwhile
    this.#tile.setQuality(seen && { ...seen, rating: rate(seen) });
    return seen;
  }

  remove() {
    clearTimeout(this.#missing);
    this.#hope();
    this.#drop();
    this.#meeting.stage.remove(this.#tile);
  }

  #begin() {
    if (this.#make()) this.call.start();
  }

  #make() {
    this.#drop();
    if (!this.#meeting.hasSpace()) return false;
    this.#overdue ||= setTimeout(() => this.#fail(), OVERDUE_MS);
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
    this.#tile.setQuality(null);
    this.#showPicture();
    this.#showScreen(null);
  }

  #changed(call, failed) {
    if (call !== this.call) return;
    if (!call.alive && this.#missing) return this.#meeting.gone(this);
    if (call.connected) {
      this.#failures = 0;
      this.#hope();
      this.#meeting.shareBandwidth();
    } else this.#tile.setQuality(null);
    if (failed) this.#again();
    return this.#showState();
  }

  /** Connected, or no longer wanted: nothing is overdue. */
  #hope() {
    clearTimeout(this.#overdue);
    this.#overdue = 0;
    this.#trouble = "";
  }

  async #fail() {
    const { call } = this;
    if (!call) this.#hope(); // for want of space: later perhaps
    if (!call || call.connected) return;
    const { trouble } = call;
    // A client with a person who has to take the call may well ring for longer.
    if (trouble === "timeout" && !this.#isPage) return;
    this.#trouble = trouble;
    this.#showState();
    this.#meeting.callFailed(this.id, trouble, await call.candidateKinds());
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
    let why = null;
    if (this.#missing) note = "Reconnecting…";
    else if (this.#saidBye) note = "Has hung up";
    else if (!this.call && this.#meeting.mayCall)
      note = "Chat only: too many people for a direct call";
    else if (this.#trouble === "timeout") note = "No answer yet";
    else if (this.#trouble) {
      note = `No direct way to ${this.name} was found.`;
      why = () => this.#meeting.explain(this);
    } else if (!this.call?.connected) note = "Connecting…";
    this.#tile.setNote(note, why);
  }
}
