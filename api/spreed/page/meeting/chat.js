import { byId, randomId } from "./page.js";
import { withLinks } from "./text.js";

const MAX_MESSAGES = 500;
const NEAR_PX = 40;

/** The side panel. `send(text, mid)` returns false while there is no connection. */
export class Chat {
  #panel = byId("chat");
  #log = byId("messages");
  #list = this.#log.firstElementChild;
  #text = byId("chat-text");
  #toggle = byId("open-chat");
  #unread = 0;
  #unsent = new Map();
  #seen = new Set();
  #followed = true;
  #top = 0;
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
    this.#log.onscroll = () => this.#scrolled();
    // A phone that is turned, or shows its keyboard, still shows what was said last.
    new ResizeObserver(() => this.#followed && this.#scroll()).observe(this.#log);
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
    const by = head.appendChild(document.createElement("b"));
    by.dir = "auto";
    by.textContent = name;
    const stamp = head.appendChild(document.createElement("time"));
    stamp.textContent = (isNaN(said) ? new Date() : said).toLocaleTimeString([], {
      hour: "2-digit",
      minute: "2-digit",
    });
    const body = item.appendChild(document.createElement("p"));
    body.className = "said";
    body.dir = "auto";
    body.append(...withLinks(text));
    this.#list.append(item);
    if (this.#list.childElementCount > MAX_MESSAGES) this.#list.firstElementChild.remove();
    this.#scroll();
    return item;
  }

  #scroll() {
    this.#followed = true; // where all is in view, no event tells so
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  /** The user has scrolled, or lines have become longer: only who goes up stops to follow. */
  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    if (!this.#followed || scrollTop < this.#top) {
      this.#followed = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    }
    this.#top = scrollTop;
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
