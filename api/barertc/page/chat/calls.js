/**
 * Webcams from browser to browser (fact sheet 2.5).
 *
 * Whoever opens a camera makes the offer. A pair may watch each other by two connections, one for
 * each that was opened: an offer is for the one that they opened, an answer for ours, and
 * a candidate for the one whose description bears its ICE user name.
 */

import { Call } from "./call.js";
import { announce, tell } from "./dom.js";
import { explain, inShort } from "./failures.js";
import { QualityMeter } from "./quality.js";
import { VIDEO } from "./session.js";

/** How long after a ring an offer is taken. */
const RUNG_MS = 60_000;
const UPLOAD_BITS = 4_000_000;

function parsed(text) {
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

/**
 * All webcams watched and all who watch.
 *
 * `site`: session, people, devices, stage, changed() when lists are to be drawn again.
 */
export class Calls {
  /** Cameras watched at the same time. */
  static MAX_WATCHED = 16;

  #site;
  #ours = new Map(); // cameras that we opened
  #theirs = new Map(); // whoever opened ours
  #rung = new Map();
  #asked = new Map();
  #watchers = new Set();
  #failed = new Map(); // why there is no connection to a camera, by name

  constructor(site) {
    this.#site = site;
    new QualityMeter({
      calls: () => [...this.#of(this.#ours), ...this.#of(this.#theirs)],
      measured: (summary, ratings) => this.#measured(summary, ratings),
    });
  }

  get watchers() {
    return [...this.#watchers];
  }

  isWatched(name) {
    return this.#site.stage.has(name);
  }

  /** The user wants to watch: ask the server, which answers with `open`. */
  ask(person) {
    const { name } = person;
    if (performance.now() - (this.#asked.get(name) ?? -Infinity) < 5_000) return;
    if (this.#ours.size >= Calls.MAX_WATCHED) {
      announce(`More than ${Calls.MAX_WATCHED} webcams cannot be watched at the same time.`);
      return;
    }
    this.#asked.set(name, performance.now());
    this.#site.session.send({ action: "open", username: name });
  }

  receive({ action, username: name, description, candidate }) {
    switch (action) {
      case "open":
        return this.#open(name);
      case "ring":
        this.#rung.set(name, performance.now());
        return this.#closeTheirs(name);
      case "sdp":
        return this.#described(name, parsed(description));
      case "candidate": {
        const found = parsed(candidate);
        if (!found) return undefined;
        this.#ours.get(name)?.candidate(found);
        return this.#theirs.get(name)?.candidate(found);
      }
      case "watch":
        if (!this.#watchers.has(name)) tell(`${this.#nick(name)} is watching you`);
        this.#watchers.add(name);
        return this.#site.changed();
      case "unwatch":
        return this.#unwatched(name);
    }
    return undefined;
  }

  /** The user closes a picture. */
  unwatch(name) {
    this.#site.session.send({ action: "unwatch", username: name });
    this.#failed.delete(name);
    this.#closeOurs(name);
    const theirs = this.#theirs.get(name);
    if (theirs) theirs.shows = false;
    if (theirs && !theirs.gives) this.#closeTheirs(name);
    this.#site.stage.remove(name);
    this.#site.changed();
  }

  /** They are to see our camera no longer. */
  dropViewer(name) {
    this.#ours.get(name)?.stopGiving();
    this.#closeTheirs(name);
    this.#watchers.delete(name);
    this.#site.changed();
  }

  /** Who is here has changed: end what shows a camera that is off. */
  peopleChanged() {
    for (const name of [...this.#failed.keys()]) {
      if (!this.#site.people.get(name)?.isLive) this.unwatch(name);
    }
    for (const name of [...this.#ours.keys()]) {
      const person = this.#site.people.get(name);
      if (!person) this.#end(name, `${this.#nick(name)} has left.`);
      else if (!person.isLive) this.#end(name, `The webcam of ${person.nick} was turned off.`);
      else this.#showTile(name);
    }
    for (const name of [...this.#theirs.keys()]) {
      const call = this.#theirs.get(name);
      const person = this.#site.people.get(name);
      if (!person) this.dropViewer(name);
      else if (call.shows && !person.isLive) this.#hide(name, call);
    }
    for (const name of this.#watchers) if (!this.#site.people.get(name)) this.#watchers.delete(name);
  }

  /** Camera or microphone were started, changed or stopped. */
  devicesChanged() {
    if (!this.#site.devices.isLive) {
      for (const name of [...this.#theirs.keys()]) this.#closeTheirs(name);
      this.#watchers.clear();
    }
    for (const call of this.#all()) call.renewTracks();
    this.#share();
  }

  clear() {
    for (const name of [...this.#ours.keys()]) this.#closeOurs(name);
    for (const name of [...this.#theirs.keys()]) this.#closeTheirs(name);
    for (const name of [...this.#failed.keys()]) this.#site.stage.remove(name);
    this.#failed.clear();
    this.#watchers.clear();
    this.#rung.clear();
    this.#asked.clear();
  }

  #open(name) {
    const person = this.#site.people.get(name);
    const give = Boolean(person?.has(VIDEO.MUTUAL_OPEN) && this.#site.devices.isLive);
    this.#closeOurs(name);
    this.#failed.delete(name);
    const call = this.#make(name, this.#ours, {
      ended: (why) => this.#end(name, `${this.#nick(name)}: ${why}`),
      failed: (reason) => this.#fail(name, reason),
    });
    this.#showTile(name);
    call.offer(give);
    this.#site.changed();
  }

  #described(name, description) {
    if (description?.type === "answer") return this.#ours.get(name)?.description(description);
    if (description?.type !== "offer") return undefined;
    const rung = performance.now() - (this.#rung.get(name) ?? -Infinity) < RUNG_MS;
    if (!this.#site.devices.isLive || !this.#mayWatch(name)) return undefined;
    let call = this.#theirs.get(name);
    if (!call && !rung) return undefined;
    const drop = () => this.dropViewer(name); // whoever opened the camera tells why
    call ??= this.#make(name, this.#theirs, { ended: drop, failed: drop });
    return call.description(description);
  }

  #mayWatch(name) {
    const { boots, mutes, blocks } = this.#site.session;
    return this.#site.people.get(name)?.isOperator || ![boots, mutes, blocks].some((set) => set.has(name));
  }

  #make(name, calls, { ended, failed }) {
    const { session, stage, devices } = this.#site;
    let told = false;
    const call = new Call({
      media: devices,
      send: (action, payload) => {
        const field = action === "sdp" ? "description" : "candidate";
        session.send({ action, username: name, [field]: payload });
      },
      shown: () => {
        this.#showTile(name);
        if (!told) session.send({ action: "watch", username: name });
        told = true;
      },
      connected: () => this.#share(),
      ended: (why) => calls.get(name) === call && ended(why),
      failed: (reason) => calls.get(name) === call && failed(reason),
    });
    calls.set(name, call);
    return call;
  }

  #showTile(name) {
    const call = this.#ours.get(name) ?? this.#theirs.get(name);
    const person = this.#site.people.get(name);
    const explicit = Boolean(person?.has(VIDEO.NSFW));
    if (call.shows) this.#failed.delete(name);
    this.#site.stage.show(name, this.#nick(name), call.shows ? call.stream : null, { explicit });
  }

  #removeTile(name) {
    if (!this.#ours.has(name) && !this.#failed.has(name)) this.#site.stage.remove(name);
  }

  /** A camera that was opened cannot be reached: the tile says so until it is closed. */
  #fail(name, reason) {
    const { session, stage } = this.#site;
    session.send({ action: "call_failed", call_failed: { username: name, reason } });
    session.send({ action: "unwatch", username: name });
    this.#ours.get(name).close();
    this.#ours.delete(name);
    this.#asked.delete(name);
    if (this.#theirs.get(name)?.shows) return this.#showTile(name); // seen by the other connection
    this.#failed.set(name, reason);
    const nick = this.#nick(name);
    stage.fail(name, nick, inShort(nick, reason), () => explain(nick, reason, () => this.#again(name)));
    tell(inShort(nick, reason));
    return this.#site.changed();
  }

  #again(name) {
    const person = this.#site.people.get(name);
    this.unwatch(name);
    if (person?.isLive) this.ask(person);
  }

  #unwatched(name) {
    this.#watchers.delete(name);
    this.#ours.get(name)?.stopGiving();
    const theirs = this.#theirs.get(name);
    if (theirs?.shows) theirs.stopGiving();
    else if (theirs) this.#closeTheirs(name);
    this.#site.changed();
  }

  /** A camera that we watched has ended: its picture goes, and the user hears why. */
  #end(name, why) {
    if (this.#site.people.get(name)?.isLive) {
      this.#site.session.send({ action: "unwatch", username: name });
    }
    this.#closeOurs(name);
    announce(why);
    this.#site.changed();
  }

  #hide(name, call) {
    call.shows = false;
    this.#removeTile(name);
    this.#site.changed();
  }

  #closeOurs(name) {
    this.#ours.get(name)?.close();
    if (!this.#ours.delete(name)) return;
    this.#asked.delete(name);
    if (this.#theirs.get(name)?.shows) this.#showTile(name);
    else this.#site.stage.remove(name);
  }

  #closeTheirs(name) {
    const call = this.#theirs.get(name);
    if (!call) return;
    call.close();
    this.#theirs.delete(name);
    this.#watchers.delete(name);
    this.#removeTile(name);
    this.#share();
    this.#site.changed();
  }

  /** What can be sent is divided among those who watch. */
  #share() {
    const giving = this.#all().filter((call) => call.gives);
    const each = Math.min(1_200_000, Math.max(150_000, UPLOAD_BITS / Math.max(1, giving.length)));
    for (const call of giving) call.limit(each);
  }

  /** Tell the server how well it goes, and show it on the pictures. */
  #measured(summary, ratings) {
    if (summary) this.#site.session.send({ action: "quality", quality: summary });
    for (const name of this.#site.stage.names) this.#site.stage.rate(name, ratings.get(name));
  }

  #all() {
    return [...this.#ours.values(), ...this.#theirs.values()];
  }

  *#of(calls) {
    for (const [name, call] of calls) if (call.isConnected) yield [name, call];
  }

  #nick(name) {
    return this.#site.people.nick(name);
  }
}
