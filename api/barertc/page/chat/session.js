/**
 * Who one is on the server: login, own status, and whom one has muted, booted, blocked or invited.
 *
 * All of it is said again after each new login, so that it outlives a lost connection and a server
 * that was started anew. Who lists are never answered: one's own state is sent only when it changes.
 */

import { memory, memoryOfTab } from "./dom.js";
import { PAGE } from "./page_data.js";
import { Wire } from "./wire.js";

export const VIDEO = {
  ACTIVE: 1,
  NSFW: 2,
  MUTED: 4,
  MUTUAL_REQUIRED: 16,
  MUTUAL_OPEN: 32,
  ONLY_VIP: 64,
  INVITED: 128,
};
const KEPT = ["mutes", "boots", "blocks", "invites"];
const FRESH_MS = 3_000;
/** So long after a refusal the server may still say that one is put out. */
const PUT_OUT_MS = 1_000;

/**
 * Handlers: `entered(name)` after each login, `received(message)` for what is not the session's own
 * business, `connecting(text)`, `ended(title, lines of HTML)`.
 */
export class Session {
  name = "";
  status = "online";
  dnd = false;
  /** Flags of one's own camera, as VIDEO has them. */
  video = 0;
  isOperator = PAGE.isOperator;
  isVip = PAGE.isVip;
  rules = PAGE.rules;
  mutes = new Set();
  boots = new Set();
  blocks = new Set();
  invites = new Set();

  #handlers;
  #wire;
  #wantedName = "";
  #jwt = PAGE.jwt;
  #in = false;
  #lastErrors = [];
  #refusal = 0;

  constructor(handlers) {
    this.#handlers = handlers;
    this.#wire = new Wire({
      opened: () => this.#login(),
      received: (message) => this.#receive(message),
      lost: (failures) => this.#lost(failures),
      gaveUp: () => this.#gaveUp(),
    });
  }

  get jwt() {
    return this.#jwt;
  }

  enter(name, { polling }) {
    this.#wantedName = name;
    this.isOperator = PAGE.isOperator;
    this.isVip = PAGE.isVip;
    this.#recall(name);
    this.#lastErrors = [];
    this.#wire.open({ polling });
  }

  leave() {
    clearTimeout(this.#refusal);
    this.#wire.close();
    this.#in = false;
  }

  /** Returns false when it could not be sent; the user is to be told. */
  send(message) {
    return this.#in && this.#wire.send(message);
  }

  /** Tell everybody how one's camera and status are, if that has changed. */
  show(change) {
    const before = [this.video, this.status, this.dnd].join();
    Object.assign(this, change);
    if (before !== [this.video, this.status, this.dnd].join()) this.#sendSelf();
  }

  setMuted(name, on) {
    this.#keep("mutes", name, on);
    this.send({ action: on ? "mute" : "unmute", username: name });
  }

  setBooted(name, on) {
    this.#keep("boots", name, on);
    this.send({ action: on ? "boot" : "unboot", username: name });
  }

  block(name) {
    this.#keep("blocks", name, true);
    this.send({ action: "block", username: name });
  }

  /** The protocol takes no block back: it ends with the next login. */
  forgetBlock(name) {
    this.#keep("blocks", name, false);
  }

  invite(name) {
    this.#keep("invites", name, true);
    this.send({ action: "video-invite", usernames: [name] });
  }

  // Login

  #login() {
    this.#resync();
    this.#wire.send({
      action: "login",
      username: this.#wantedName,
      ...(this.#jwt && { jwt: this.#jwt }),
      ...(this.dnd && { dnd: true }),
    });
  }

  #resync() {
    if (this.blocks.size) this.#wire.send({ action: "blocklist", usernames: [...this.blocks] });
    for (const username of this.boots) this.#wire.send({ action: "boot", username });
    for (const username of this.mutes) this.#wire.send({ action: "mute", username });
    if (this.invites.size) this.#wire.send({ action: "video-invite", usernames: [...this.invites] });
  }

  #sendSelf() {
    this.send({ action: "me", video: this.video, status: this.status, ...(this.dnd && { dnd: true }) });
  }

  // What the server says

  #receive(message) {
    switch (message.action) {
      case "me":
        return this.#me(message);
      case "ping":
        return this.#refresh(message);
      case "block":
        this.#keep("blocks", message.username, true);
        return this.#handlers.received(message);
      case "disconnect":
        return this.#putOut();
      case "error":
        if (!message.channel) this.#note(message.message);
        if (!this.#in) return this.#refused(message.message);
    }
    return this.#handlers.received(message);
  }

  #me({ username, video = 0 }) {
    const isNew = !this.#in || username !== this.name;
    this.name = username;
    if (video & VIDEO.NSFW) this.video |= VIDEO.NSFW;
    const entered = !this.#in;
    this.#in = true;
    clearTimeout(this.#refusal);
    this.#resync();
    if (entered && (this.video || this.status !== "online")) this.#sendSelf();
    if (isNew) this.#handlers.entered(username);
    if (!entered) this.#handlers.received({ action: "me", username, video });
  }

  #refresh({ jwt, jwtRules }) {
    if (jwtRules) {
      this.rules = jwtRules;
      this.#handlers.received({ action: "rules" });
    }
    if (!jwt) return;
    this.#jwt = jwt;
    // So that the page can be loaded again later than five minutes after it was opened.
    const here = new URL(location.href);
    if (!here.searchParams.has("jwt")) return;
    here.searchParams.set("jwt", jwt);
    history.replaceState(null, "", here);
  }

  /**
   * An answer to the login that is none: the socket stays open, but nobody is logged in.
   *
   * A server that shuts down closes the socket soon, and is tried again like any that is away.
   */
  #refused(html) {
    if (/ shutting down/.test(html)) return;
    const isSignedOut = /^(Your authentication has expired|Server side authentication is required)/.test(html);
    const title = isSignedOut ? "You are not signed in" : "You were not let in";
    clearTimeout(this.#refusal);
    this.#refusal = setTimeout(() => {
      this.leave();
      this.#handlers.ended(title, [html]);
    }, isSignedOut ? 0 : PUT_OUT_MS);
  }

  /** What was said to this person alone may be why they are put out next. */
  #note(html) {
    this.#lastErrors.push({ html, at: performance.now() });
    this.#lastErrors.splice(0, this.#lastErrors.length - 5);
  }

  #putOut() {
    const since = performance.now() - FRESH_MS;
    const title = this.#in ? "You have been disconnected" : "You were not let in";
    const reasons = this.#lastErrors.filter(({ at }) => at > since).map(({ html }) => html);
    this.leave();
    this.#handlers.ended(title, reasons);
  }

  #lost(failures) {
    const wasIn = this.#in;
    clearTimeout(this.#refusal);
    this.#in = false;
    let text = "The server cannot be reached. Trying again…";
    if (wasIn || failures <= 2) text = "Reconnecting…";
    this.#handlers.connecting(text);
  }

  #gaveUp() {
    this.leave();
    this.#handlers.ended("The chat cannot be reached", [
      "It was tried for some minutes. Look whether you are online, then enter again.",
    ]);
  }

  // What this browser remembers: for this tab, and of the blocks for good

  #keep(kind, name, on) {
    if (on) this[kind].add(name);
    else this[kind].delete(name);
    memoryOfTab.setAll(`${kind}.${this.#wantedName}`, this[kind]);
    if (kind === "blocks") memory.setAll(`blocks.${this.#wantedName}`, this.blocks);
  }

  #recall(name) {
    for (const kind of KEPT) this[kind] = new Set(memoryOfTab.getAll(`${kind}.${name}`));
    for (const blocked of memory.getAll(`blocks.${name}`)) this.blocks.add(blocked);
    for (const blocked of PAGE.blocked) this.blocks.add(blocked);
  }
}
