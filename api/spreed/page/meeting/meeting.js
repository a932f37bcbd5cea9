/**
 * One meeting of the Quintet page: a peer-to-peer call with everybody in the room, and chat.
 *
 * Meeting ties the parts together and alone decides what happens next. Whatever comes from other
 * people reaches the document as text, never as markup.
 */

import { askAccessCode, serverAnswers } from "./access_code.js";
import { Channel, Refused } from "./channel.js";
import { Chat } from "./chat.js";
import { Devices } from "./devices.js";
import { Goodbye } from "./goodbye.js";
import { iceServersOf } from "./ice_servers.js";
import { Lobby } from "./lobby.js";
import { Lock } from "./lock.js";
import { explainNoWay } from "./no_way.js";
import { Own } from "./own.js";
import { announce, byId, CONFIG, copy, showRoom, showView } from "./page.js";
import { AGENT } from "./participant.js";
import { People } from "./people.js";
import { Question } from "./question.js";
import { refusalInWords, RETRIED, ROOM_CLOSED, WRONG_PIN } from "./refusals.js";
import { Stage } from "./stage.js";
import { line, theirs } from "./text.js";

/** How often to look how well connections do, and to tell the server. */
const QUALITY_MS = 10_000;
const RESTARTING = "The server is restarting. The meeting comes back by itself in a moment.";

/** One person's stay in one room, from the lobby to the goodbye. */
export class Meeting {
  media = new Devices();
  stage = new Stage();
  id = "";
  iceServers = [];
  /** In a room where the server makes a conference of everybody: its id, once there are two. */
  conference = "";
  #room;
  #roomType = "";
  #phase = "lobby"; // lobby, joining, in, left
  #name = "";
  #people = new People(this, () => this.#peopleChanged());
  #question = new Question();
  #asking = false; // for what lets us in: a PIN or an access token
  #goodbye;
  #lobby;
  #lock;
  #own = new Own(this.media, this.stage);
  #channel = new Channel({
    ready: (self) => this.#ready(self),
    refreshed: (self) => {
      this.iceServers = iceServersOf(self);
    },
    message: (data, from) => this.#receive(data, from),
    lost: (how) => this.#lost(how),
  });
  #chat = new Chat((text, mid) => this.#say(text, mid));

  constructor(room) {
    this.#room = room;
    showRoom(byId("call-room"), room);
    byId("address").value = location.href;
    this.#goodbye = new Goodbye(room, () => this.openLobby());
    this.#lobby = new Lobby({ room, media: this.media, submitted: () => this.#submitted() });
    this.#lock = new Lock({
      room,
      question: this.#question,
      change: (pin) => this.#changeLock(pin),
    });
    byId("leave").onclick = () => this.#hangUp();
    byId("copy").onclick = () => copy(location.href, byId("address"), "The address is copied");
    window.addEventListener("pagehide", () => {
      if (this.#phase === "in") this.#hangUp();
    });
    this.media.onchange((kind) => this.#mediaChanged(kind));
    setInterval(() => this.#showLoudness(), 300);
    setInterval(() => this.#lookAtQuality(), QUALITY_MS);
  }

  openLobby(problem = "") {
    this.#phase = "lobby";
    this.#lock.pin = "";
    this.#lobby.open();
    this.#showJoining(problem);
    return this.media.open();
  }

  get #shownName() {
    return this.#name || "Guest";
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
    return this.#people.hasSpace();
  }

  shareBandwidth() {
    this.#people.shareBandwidth();
  }

  /** The server counts it, and tells who runs it in the log. */
  callFailed(id, trouble, { local, remote }) {
    const failed = { To: id, Reason: trouble, Local: local, Remote: remote };
    this.#channel.send("CallFailed", failed);
  }

  explain({ name }) {
    const urls = this.iceServers.flatMap((server) => server.urls);
    explainNoWay(name, urls.some((url) => /^turns?:/.test(url)));
  }

  gone(person) {
    this.#people.gone(person);
  }

  // Coming in

  #submitted() {
    if (this.#phase === "lobby") this.#join();
    else this.#backToLobby("");
  }

  #join() {
    this.#name = this.#lobby.takeName();
    this.#phase = "joining";
    this.#showJoining("");
    this.#channel.open();
  }

  #backToLobby(problem) {
    this.#phase = "lobby";
    this.#channel.close();
    this.#question.dismiss();
    this.#people.clear();
    if (this.media.screen) this.media.unshare();
    this.openLobby(problem);
  }

  #showJoining(problem) {
    this.#lobby.showJoining(this.#phase === "joining", problem);
  }

  #ready(self) {
    if (this.id && this.id !== self.Id) this.#people.clear(); // to the others we are somebody new
    this.id = self.Id;
    this.iceServers = iceServersOf(self);
    if (!this.#asking) this.#enter();
  }

  async #enter() {
    const hello = {
      Version: CONFIG.Version ?? "",
      Ua: AGENT,
      Name: this.#room,
      Type: "",
    };
    if (this.#lock.pin) hello.Credentials = { PIN: this.#lock.pin };
    this.#sendStatus();
    try {
      this.#welcome(await this.#channel.request("Hello", hello));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      await this.#refused(error);
    }
  }

  #welcome({ Room: room, Users: users }) {
    this.#roomType = room?.Type ?? "";
    this.#sendStatus();
    this.#showLink("");
    if (this.#phase !== "in") this.#openCall();
    this.#people.gather(users ?? []);
    this.#lock.show();
    this.#chat.resend();
  }

  #openCall() {
    this.#phase = "in";
    this.#lobby.close();
    this.#own.open(this.#shownName);
    this.#chat.clear();
    showView("call", `${this.#room} · ${CONFIG.Title}`);
    this.#peopleChanged();
  }

  async #refused({ code, reason, seconds }) {
    if (!this.#channel.ready || !["joining", "in"].includes(this.#phase)) return;
    if (code === "authorization_required" || WRONG_PIN.has(code)) {
      await this.#askPin(WRONG_PIN.has(code) && this.#lock.pin);
    } else if (code === "authorization_not_required" && this.#lock.pin) {
      this.#lock.pin = ""; // unlocked while we were away
      await this.#enter();
    } else if (code === ROOM_CLOSED) {
      this.#closed({ kind: "room", reason, seconds });
    } else if (RETRIED.has(code) || (code === "busy" && this.#phase === "in")) {
      this.#channel.drop({ restarting: code === "shutting_down" });
    } else {
      this.#backToLobby(refusalInWords(code));
    }
  }

  async #askPin(wrong) {
    const pin = await this.#lock.find(wrong, (question) => this.#askToEnter(question));
    if (!pin) return;
    this.#lock.pin = pin;
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

  /** Perhaps the websocket was refused for want of an access code. */
  async #askToken() {
    if (!(await serverAnswers()) || this.#channel.ready || this.#asking) return;
    this.#channel.pause();
    if (!(await askAccessCode((question) => this.#askToEnter(question)))) return;
    if (this.#phase === "joining") this.#showJoining("");
    this.#channel.open();
  }

  // What the room tells

  #receive(data, from) {
    const fromServer = !from || from === this.id;
    if (data.Type === "Closed" && fromServer) return this.#closedByOperator(data.Closed);
    if (this.#phase !== "in") return;
    const person = this.#people.get(data.Id ?? from);
    switch (data.Type) {
      case "Joined":
        return this.#people.meet(data, true);
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

  /** The server makes one conference of everybody in the room. */
  #called({ Id: id }) {
    this.conference = id;
    for (const person of this.#people) person.called();
  }

  #heard({ To: to, Chat: chat }, from) {
    if (!chat) return;
    if (from === this.id) return this.#chat.confirm(chat.Mid);
    const name = this.#people.get(from)?.name;
    if (!name) return;
    this.#chat.receive(to ? `${name} (to you)` : name, chat.Message, chat.Mid, chat.Time);
    if (!chat.Message || !byId("chat").hidden) return;
    announce(theirs(name), ": ", theirs(line(chat.Message, 80)));
  }

  /** Somebody locked or unlocked the room; the document's type is the room's type. */
  #roomChanged({ Credentials: credentials }, from) {
    const pin = credentials?.PIN ?? "";
    if (pin === this.#lock.pin) return;
    this.#lock.set(pin);
    const who = this.#people.get(from)?.name ?? "Somebody";
    announce(theirs(who), ` has ${pin ? "locked" : "unlocked"} the room`);
  }

  #peopleChanged() {
    const count = this.#people.size + 1;
    byId("count").textContent = count === 1 ? "Only you" : `${count} people`;
    this.stage.invite(count === 1);
    this.shareBandwidth();
  }

  #showLoudness() {
    if (this.#phase !== "in") return;
    for (const person of this.#people) person.showLoudness();
  }

  /** A sign on each tile, and the whole for the server. */
  async #lookAtQuality() {
    if (this.#phase !== "in") return;
    const quality = await this.#people.look();
    if (quality) this.#channel.send("Quality", quality);
  }

  // What we tell the room

  #sendStatus() {
    const microphone = this.media.isOn("audio");
    const camera = this.media.isOn("video");
    const status = { displayName: this.#shownName, quintet: { microphone, camera } };
    this.#channel.send("Status", { Type: "Status", Status: status });
  }

  #say(text, mid) {
    const chat = { Message: text, Time: "", Mid: mid };
    return this.#channel.send("Chat", { Type: "Chat", To: "", Chat: chat });
  }

  #mediaChanged(kind) {
    if (this.#phase === "lobby" || this.#phase === "joining") return this.#lobby.showPreview();
    if (this.#phase !== "in") return undefined;
    for (const { call } of this.#people) {
      if (kind === "screen") call?.setScreen();
      else call?.setTrack(kind);
    }
    this.#own.show(this.#shownName);
    this.#sendStatus();
    return this.#peopleChanged();
  }

  #changeLock(pin) {
    const room = { Name: this.#room, Type: this.#roomType, Credentials: { PIN: pin } };
    return this.#channel.request("Room", room);
  }

  // Going

  #hangUp() {
    const others = this.#people.size > 0;
    for (const { id } of this.#people) this.signal(id, "Bye", { Reason: "hangup" });
    this.#channel.send("Leave", {});
    this.#end();
    this.#goodbye.showLeft(others);
  }

  #closedByOperator({ Kind: kind, Reason: reason, Seconds: seconds }) {
    this.#closed({ kind, reason, seconds });
  }

  /** Nothing leads back by itself. */
  #closed(how) {
    this.#end();
    this.#goodbye.showClosed(how);
  }

  /** Be nobody again: without connections, devices, and without what would let us resume. */
  #end() {
    this.#phase = "left";
    this.#channel.close();
    this.#question.dismiss();
    this.#people.clear();
    this.#own.close();
    this.media.close();
    this.#showLink("");
  }
}
