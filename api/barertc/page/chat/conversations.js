/** Channels and direct messages: which there are, what is unread, and which one is shown. */

import { byId, make, walkable } from "./dom.js";
import { PAGE } from "./page_data.js";
import { reactTo, showMessage, showLine } from "./messages.js";

const MAX_ENTRIES = 500;
/** Pictures travel inside their messages. Characters of HTML kept in one conversation. */
const MAX_CHARACTERS = 24_000_000;
const NEAR_PX = 60;

/** One conversation. Its id is what the wire calls channel: "lobby", or "@name". */
class Conversation {
  unread = 0;
  draft = "";
  /** Whether the end is shown, and what comes is scrolled into view. */
  isFollowed = true;
  /** What came from history has been asked for down to here; 0 when there is no more. */
  oldest = Infinity;
  #entries = [];
  #byId = new Map();
  #characters = 0;
  #scrolling = 0;
  #top = 0;
  #rows = make("ol");
  #settle;

  constructor(id, { title, vip = false, photos = true }) {
    this.id = id;
    this.title = title;
    this.isVip = vip;
    this.photos = photos;
    this.isDirect = id.startsWith("@");
    this.list = make("div", { className: "log", tabIndex: 0, hidden: true }, this.#rows);
    this.list.setAttribute("role", "log");
    this.list.setAttribute("aria-live", "polite");
    this.list.setAttribute("aria-label", `Messages: ${title}`);
    this.#settle = walkable(this.#rows, ".message-more", this.list);
    this.list.addEventListener("load", () => this.keepEnd(), true); // pictures grow
  }

  /** The other side of direct messages. */
  get other() {
    return this.isDirect ? this.id.slice(1) : "";
  }

  get isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.list;
    return scrollHeight - scrollTop - clientHeight < NEAR_PX;
  }

  has(id) {
    return this.#byId.has(id);
  }

  /** Add a message at the place of its id, or a line at the end, where it stays. */
  add(entry) {
    if (entry.id && this.#byId.has(entry.id)) return;
    entry.element = entry.id ? showMessage(entry, this) : showLine(entry);
    entry.order = entry.id ?? this.#entries.at(-1)?.order ?? 0;
    const at = this.#entries.findLastIndex(({ order }) => order <= entry.order) + 1;
    const before = this.#entries[at]?.element ?? null;
    const height = this.isFollowed ? 0 : this.list.scrollHeight;
    this.#entries.splice(at, 0, entry);
    this.#rows.insertBefore(entry.element, before);
    if (entry.id) this.#byId.set(entry.id, entry);
    this.#characters += entry.html?.length ?? 0;
    this.#trim();
    this.#settle();
    if (this.isFollowed) this.#keepEndSoon();
    else if (before) this.list.scrollTop += this.list.scrollHeight - height;
  }

  remove(id) {
    const entry = this.#byId.get(id);
    if (!entry) return;
    if (entry.element.contains(document.activeElement)) this.list.focus();
    this.#drop(this.#entries.indexOf(entry));
    this.#settle();
  }

  react(id, sender, emoji, self) {
    const entry = this.#byId.get(id);
    if (entry) reactTo(entry, sender, emoji, self);
  }

  clear() {
    while (this.#entries.length) this.#drop(0);
    this.unread = 0;
    this.oldest = Infinity;
  }

  toEnd() {
    this.list.scrollTop = this.list.scrollHeight;
    this.#top = this.list.scrollTop;
    this.isFollowed = true;
  }

  /** The user has scrolled, or what is above has grown: only who goes up stops to follow. */
  scrolled() {
    const { scrollTop } = this.list;
    if (!this.isFollowed || scrollTop < this.#top) this.isFollowed = this.isAtEnd;
    this.#top = scrollTop;
  }

  #keepEndSoon() {
    this.#scrolling ||= requestAnimationFrame(() => {
      this.#scrolling = 0;
      this.keepEnd();
    });
  }

  /** Something has changed its size: whoever was at the end stays there. */
  keepEnd() {
    if (this.isFollowed) this.toEnd();
  }

  #trim() {
    while (this.#entries.length > MAX_ENTRIES || this.#characters > MAX_CHARACTERS) {
      if (this.#entries.length === 1) return;
      this.#drop(0);
    }
  }

  #drop(at) {
    const [entry] = this.#entries.splice(at, 1);
    entry.element.remove();
    this.#byId.delete(entry.id);
    this.#characters -= entry.html?.length ?? 0;
  }
}

/** Handlers: `shown(conversation)`, `scrolledUp(conversation)` at the top of one. */
export class Conversations {
  /** Direct messages that are kept at the same time. */
  static MAX_DIRECT = 200;

  current = null;
  #all = new Map();
  #items = new Map();
  #handlers;
  #nick;
  #settle = walkable(byId("direct"), "button");

  constructor(handlers, nick) {
    this.#handlers = handlers;
    this.#nick = nick;
    for (const channel of PAGE.channels) this.#make(channel.id, { ...channel, title: channel.name });
    new ResizeObserver(() => this.current?.keepEnd()).observe(byId("logs"));
    byId("newer").onclick = () => {
      this.current.toEnd();
      this.current.list.focus({ preventScroll: true });
    };
  }

  get first() {
    return this.#all.values().next().value;
  }

  get all() {
    return [...this.#all.values()];
  }

  get(id) {
    return this.#all.get(id);
  }

  /** The conversation a message belongs to; direct ones are made when they begin. */
  of(channel) {
    const known = this.#all.get(channel);
    if (known) return known;
    if (!channel?.startsWith("@")) return this.first;
    this.#makeRoom();
    return this.#make(channel, { title: this.#nick(channel.slice(1)) });
  }

  open(id) {
    const conversation = this.of(id);
    if (this.current) {
      this.current.draft = byId("write-text").value;
      this.current.list.hidden = true;
    }
    this.current = conversation;
    conversation.unread = 0;
    conversation.list.hidden = false;
    byId("write-text").value = conversation.draft;
    conversation.keepEnd();
    this.refresh();
    this.#showNewer();
    this.#handlers.shown(conversation);
  }

  close(id) {
    const conversation = this.#all.get(id);
    if (!conversation?.isDirect) return;
    if (conversation === this.current) this.open(this.first.id);
    conversation.list.remove();
    this.#items.get(id).element.remove();
    this.#items.delete(id);
    this.#all.delete(id);
    this.refresh();
  }

  /** `notify`: it counts as unread where it is not seen. */
  add(channel, entry, { notify = false } = {}) {
    const conversation = this.of(channel);
    const isNew = !conversation.has(entry.id);
    const seen = conversation === this.current && !document.hidden && conversation.isFollowed;
    conversation.add(entry);
    if (notify && isNew && !seen) conversation.unread += 1;
    if (notify && isNew) this.refresh();
    this.#showNewer();
    return conversation;
  }

  remove(id) {
    for (const conversation of this.#all.values()) conversation.remove(id);
  }

  react(id, sender, emoji, self) {
    for (const conversation of this.#all.values()) conversation.react(id, sender, emoji, self);
  }

  clear() {
    for (const conversation of this.all) {
      if (conversation.isDirect) this.close(conversation.id);
      else conversation.clear();
    }
  }

  /** Whoever looks has read what is shown. */
  seen() {
    if (!this.current?.unread || document.hidden || !this.current.isFollowed) return;
    this.current.unread = 0;
    this.refresh();
  }

  refresh() {
    let elsewhere = 0;
    let all = 0;
    for (const conversation of this.#all.values()) {
      const { element, name, count } = this.#items.get(conversation.id);
      const { unread } = conversation;
      const title = conversation.isDirect ? this.#nick(conversation.other) : conversation.title;
      if (name.textContent !== title) name.textContent = name.title = title;
      count.hidden = !unread;
      count.firstChild.textContent = unread > 99 ? "99+" : unread;
      element.classList.toggle("unread", unread > 0);
      const isCurrent = conversation === this.current;
      element.firstChild.setAttribute("aria-current", isCurrent ? "true" : "false");
      all += unread;
      if (!isCurrent) elsewhere += unread;
    }
    byId("direct-title").hidden = !byId("direct").childElementCount;
    byId("unread-elsewhere").hidden = !elsewhere;
    byId("unread-elsewhere").textContent = elsewhere > 99 ? "99+" : elsewhere;
    document.title = all ? `(${all}) ${PAGE.title}` : PAGE.title;
    this.#settle();
  }

  #make(id, options) {
    const conversation = new Conversation(id, options);
    const name = make("span", { className: "name", dir: "auto", title: conversation.title }, conversation.title);
    const count = make("b", { className: "count", hidden: true }, "", make("span", { className: "unseen" }, " unread"));
    const sign = make("span", { className: "sign", ariaHidden: "true" });
    sign.dataset.sign = conversation.isDirect ? "@" : options.vip ? "★" : "#";
    const button = make("button", { type: "button" }, sign, name, count);
    if (conversation.isDirect) button.tabIndex = -1;
    button.onclick = () => {
      this.open(id);
    };
    const element = make("li", {}, button);
    this.#items.set(id, { element, name, count });
    this.#all.set(id, conversation);
    byId(conversation.isDirect ? "direct" : "channels").append(element);
    byId("logs").append(conversation.list);
    conversation.list.onscroll = () => {
      if (!conversation.list.hidden) conversation.scrolled();
      if (conversation.list.scrollTop < NEAR_PX) this.#handlers.scrolledUp(conversation);
      this.#showNewer();
      this.seen();
    };
    return conversation;
  }

  #makeRoom() {
    const direct = this.all.filter((one) => one.isDirect && one !== this.current);
    if (direct.length >= Conversations.MAX_DIRECT) this.close(direct[0].id);
  }

  #showNewer() {
    byId("newer").hidden = !this.current || this.current.isFollowed;
  }
}

