import { announce } from "./page.js";
import { Participant } from "./participant.js";
import { summary } from "./quality.js";
import { theirs } from "./text.js";

/** People connected to directly; more are shown without picture and sound. */
const MAX_CALLS = 24;

/** The others in the room. `changed()` is called when they have become more, fewer, or renamed. */
export class People {
  #all = new Map();
  #meeting;
  #changed;

  constructor(meeting, changed) {
    this.#meeting = meeting;
    this.#changed = changed;
  }

  get size() {
    return this.#all.size;
  }

  get(id) {
    return this.#all.get(id);
  }

  [Symbol.iterator]() {
    return this.#all.values();
  }

  /** Everybody the server names; who is not among them is missed. */
  gather(users) {
    const present = new Set();
    for (const user of users) {
      present.add(user.Id);
      this.meet(user);
    }
    for (const person of [...this]) if (!present.has(person.id)) person.miss();
  }

  meet(user, justNow = false) {
    if (!user.Id || user.Id === this.#meeting.id) return;
    const known = this.#all.get(user.Id);
    const person = known ?? new Participant(user, this.#meeting);
    this.#all.set(user.Id, person);
    if (user.Status) person.setStatus(user.Status);
    person.present();
    if (justNow && !known) announce(theirs(person.name), " has joined");
    this.#changed();
  }

  gone(person) {
    if (!this.#all.delete(person.id)) return;
    person.remove();
    announce(theirs(person.name), " has left");
    this.#changed();
  }

  clear() {
    for (const person of this) person.remove();
    this.#all.clear();
  }

  hasSpace() {
    return [...this].filter((person) => person.call).length < MAX_CALLS;
  }

  /** Show how well each connection does; returns what they do together, null without any. */
  async look() {
    const looks = await Promise.all([...this].map((person) => person.look()));
    return summary(looks.filter(Boolean));
  }

  /** Everybody gets an own copy of our picture: the more there are, the smaller each. */
  shareBandwidth() {
    const bitrate = Math.max(150_000, Math.min(1_500_000, 3_000_000 / this.size));
    for (const { call } of this) call?.limit(bitrate);
  }
}
