/** The chat page: login, the site, and goodbye. Ties the parts together and decides what is next. */

import { Actions } from "./actions.js";
import { Calls } from "./calls.js";
import { Conversations } from "./conversations.js";
import { Devices } from "./devices.js";
import { announce, byId, line, make, memory, showProblem, showView } from "./dom.js";
import { fetchOlder } from "./history.js";
import { dismissAll } from "./menus.js";
import { context, enlargePictures, nodesOf, textOf } from "./messages.js";
import { Own } from "./own.js";
import { PAGE } from "./page_data.js";
import { People } from "./people.js";
import { Session, VIDEO } from "./session.js";
import { Stage } from "./stage.js";
import { Uploads } from "./uploads.js";

const NUDGE = -451;

class Site {
  phase = "login";
  stage = new Stage((name) => this.calls.unwatch(name));
  session = new Session({
    entered: (name) => this.#entered(name),
    received: (message) => this.#receive(message),
    connecting: (text) => this.#connecting(text),
    ended: (title, lines) => this.#ended(title, lines),
  });
  people = new People({
    own: () => this.session,
    onperson: (name) => this.actions.person(name),
    oncamera: (name) => this.actions.camera(name),
    watched: (name) => this.calls.isWatched(name),
  });
  conversations = new Conversations(
    { shown: (one) => this.#shown(one), scrolledUp: (one) => this.#older(one) },
    (name) => this.people.nick(name),
  );
  devices = new Devices(() => this.session, () => this.#devicesChanged());
  calls = new Calls(this);
  actions = new Actions(this);
  #own = new Own(this);
  #asked = "";
  #polling = false;

  changed = () => {
    this.people.refresh();
    this.#own.show();
  };

  constructor() {
    Object.assign(context, {
      nick: (name) => this.people.nick(name),
      person: (name) => this.people.get(name),
      own: () => this.session,
      openMenu: (entry, conversation) => this.actions.message(entry, conversation),
      react: (entry, emoji) => this.actions.react(entry, emoji),
    });
    new Uploads({
      send: (message) => this.session.send(message),
      channel: () => (this.#permitsPictures() ? this.conversations.current.id : ""),
    });
    enlargePictures(byId("logs"));
    this.#listen();
    for (const title of ["login-title", "site-title"]) byId(title).textContent = byId(title).title = PAGE.title;
    document.title = PAGE.title;
  }

  // Login

  openLogin(problem = "") {
    this.phase = "login";
    byId("login-name").value = PAGE.subject || memory.get("name");
    byId("login-name").readOnly = Boolean(PAGE.subject);
    byId("login-polling").checked = memory.get("polling") === "yes";
    this.#showLogin("", problem);
    showView("login");
    if (!PAGE.subject && !this.#isNarrow()) {
      byId("login-name").focus();
      byId("login-name").select();
    }
    if (PAGE.subject && !problem) this.#enter();
  }

  #enter() {
    this.#asked = line(byId("login-name").value, 60);
    if (!this.#asked) return;
    this.#polling = byId("login-polling").checked;
    if (!PAGE.subject) memory.set("name", this.#asked);
    memory.set("polling", this.#polling ? "yes" : "");
    this.phase = "entering";
    this.#showLogin("Connecting…");
    this.session.enter(this.#asked, { polling: this.#polling });
  }

  #showLogin(state, problem = "") {
    byId("login-state").textContent = state;
    byId("login-stop").hidden = !state;
    byId("login-form").hidden = Boolean(state);
    showProblem(byId("login-problem"), problem);
  }

  #entered(name) {
    byId("link-state").textContent = "";
    if (this.phase === "in") this.#own.show();
    else this.#openSite();
    if (!PAGE.subject && name !== this.#asked) {
      announce(`The name ${this.#asked} is taken: you are ${name} here.`);
    }
  }

  #openSite() {
    this.phase = "in";
    this.#own.showStatuses();
    showView("site");
    this.showPane("talk");
    this.conversations.open(this.conversations.first.id);
    // On a phone that would put the keyboard over what there is to read.
    byId(this.#isNarrow() ? "talk-title" : "write-text").focus();
    this.changed();
    this.#own.active();
  }

  #connecting(text) {
    if (this.phase === "in") byId("link-state").textContent = text;
    else this.#showLogin(text);
  }

  #ended(title, lines) {
    dismissAll();
    this.calls.clear();
    this.devices.stop();
    this.people.clear();
    this.conversations.clear();
    this.phase = "out";
    byId("goodbye-title").textContent = title;
    byId("goodbye-text").replaceChildren(...lines.flatMap((html) => [make("div", { dir: "auto" }, ...nodesOf(html))]));
    document.title = PAGE.title;
    showView("goodbye");
  }

  // What the server says

  #receive(message) {
    switch (message.action) {
      case "who":
        return this.#who(message.whoList ?? []);
      case "message":
        return this.#message(message);
      case "echo":
        for (const one of message.messages ?? []) this.#message(one, { isEcho: true });
        return undefined;
      case "presence":
        return this.#presence(message);
      case "error":
        return this.#said(message);
      case "takeback":
        return this.conversations.remove(message.msgID);
      case "react":
        return this.#reaction(message);
      case "me":
        return this.#corrected(message);
      case "rules":
        byId("add-picture").hidden = !this.#permitsPictures();
        return this.#own.show();
      case "block":
        return this.#blockedFor(message.username);
      case "cut":
        if (this.devices.isLive) announce("Your camera was turned off by the server.");
        return this.devices.stop();
      default:
        return this.calls.receive(message);
    }
  }

  #who(whoList) {
    this.people.take(whoList);
    const self = this.people.get(this.session.name);
    if (self) {
      const was = this.session.isOperator;
      this.session.isOperator = self.isOperator;
      this.session.isVip = self.isVip;
      if (was !== self.isOperator) this.#own.showStatuses();
    }
    // The server lets nobody block an operator, but where it is configured otherwise.
    for (const name of this.session.blocks) if (this.people.get(name)?.isOperator) this.session.forgetBlock(name);
    this.calls.peopleChanged();
    this.conversations.refresh();
    this.changed();
  }

  #message({ channel, username, message, msgID, timestamp }, { isEcho = false } = {}) {
    if (!username) return;
    const entry = { id: msgID, sender: username, html: message ?? "", at: Date.parse(timestamp) || Date.now() };
    const isOwn = username === this.session.name;
    const notify = !isEcho && !isOwn;
    const conversation = this.conversations.add(channel, entry, { notify });
    if (!notify || conversation === this.conversations.current) return;
    if (conversation.isDirect) {
      announce(`${this.people.nick(username)}: ${line(textOf(entry.html), 80)}`);
    }
  }

  #presence({ username, message }) {
    const text = line(message, 200);
    const entry = { kind: "presence", sender: username, text };
    this.conversations.add(this.conversations.first.id, entry);
    const direct = this.conversations.get(`@${username}`);
    direct?.add({ ...entry });
  }

  #said({ channel, message }) {
    const here = this.conversations.current?.id ?? this.conversations.first.id;
    this.conversations.add(channel || here, { kind: "server", html: message });
  }

  #reaction({ msgID, username, message: emoji }) {
    if (msgID === NUDGE) {
      if (emoji === this.session.name && this.devices.isLive) {
        announce("Somebody suggests to mark your webcam as explicit.");
      }
      return;
    }
    this.conversations.react(msgID, username, line(emoji, 20), this.session.name);
  }

  #corrected({ video }) {
    if (!(video & VIDEO.NSFW)) return;
    this.devices.markExplicit();
    this.#own.show();
  }

  #blockedFor(name) {
    this.calls.dropViewer(name);
    if (this.calls.isWatched(name)) this.calls.unwatch(name);
    this.changed();
  }

  // What we say

  say(text) {
    const sent = this.session.send({ action: "message", channel: this.conversations.current.id, message: text });
    if (!sent) announce("Not sent: there is no connection just now.");
    return sent;
  }

  openDirect(name) {
    this.conversations.open(`@${name}`);
    this.showPane("talk");
    byId("write-text").focus();
  }

  #submit() {
    const field = byId("write-text");
    const text = field.value.trim();
    if (!text || !this.say(text)) return;
    field.value = "";
    this.#grow();
    this.conversations.current.toEnd();
  }

  #grow() {
    const field = byId("write-text");
    field.rows = Math.min(6, Math.max(1, field.value.split("\n").length));
  }

  // What is shown

  #shown(conversation) {
    const { isDirect, title, other } = conversation;
    const name = isDirect ? this.people.nick(other) : title;
    byId("talk-title").title = name;
    byId("talk-title").textContent = isDirect ? `@ ${name}` : `# ${name}`;
    byId("close-direct").hidden = !isDirect;
    byId("write-text").placeholder = isDirect ? `Message to ${name}` : `Message in ${name}`;
    byId("add-picture").hidden = !this.#permitsPictures();
    this.#grow();
    if (isDirect && PAGE.disclaimer && !conversation.disclaimed) {
      conversation.disclaimed = true;
      conversation.add({ kind: "server", text: PAGE.disclaimer });
    }
    if (isDirect) this.#older(conversation);
    if (this.#isNarrow()) this.showPane("talk");
  }

  async #older(conversation) {
    await fetchOlder(conversation, this.session.jwt, (entry) => conversation.add(entry));
  }

  #permitsPictures() {
    return Boolean(this.conversations.current?.photos) && !this.session.rules.IsNoImageRule;
  }

  showPane(pane) {
    byId("site").dataset.pane = pane;
    for (const tab of byId("tabs").children) {
      tab.setAttribute("aria-current", tab.dataset.pane === pane ? "true" : "false");
    }
    if (pane === "talk") this.conversations.current?.keepEnd();
  }

  #isNarrow() {
    return getComputedStyle(byId("tabs")).display !== "none";
  }

  #devicesChanged() {
    // Permission may be given when one is no longer there.
    if (this.phase !== "in" && this.devices.stream.getTracks().length) return this.devices.stop();
    this.calls.devicesChanged();
    this.session.show({ video: this.devices.flags });
    return this.#own.show();
  }

  #listen() {
    byId("login-form").onsubmit = (event) => {
      event.preventDefault();
      this.#enter();
    };
    byId("login-stop").onclick = () => {
      this.session.leave();
      this.openLogin("You are not connected.");
    };
    byId("write-form").onsubmit = (event) => {
      event.preventDefault();
      this.#submit();
    };
    byId("write-text").onkeydown = (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    };
    byId("write-text").oninput = () => this.#grow();
    byId("again").onclick = () => {
      this.#again();
    };
    byId("leave").onclick = () => {
      this.session.leave();
      this.#ended("You have left the chat", []);
    };
    byId("close-direct").onclick = () => {
      this.conversations.close(this.conversations.current.id);
      byId("write-text").focus();
    };
    for (const tab of byId("tabs").children) {
      tab.onclick = () => {
        this.showPane(tab.dataset.pane);
      };
    }
    document.addEventListener("visibilitychange", () => this.conversations.seen());
  }

  #again() {
    if (PAGE.subject) {
      showView("login");
      this.#enter();
    } else this.openLogin();
  }
}

new Site().openLogin();
