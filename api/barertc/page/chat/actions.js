/** What one can do to a person and to a message, as menus; and what an operator can do to the site. */

import { announce, line, make, memory } from "./dom.js";
import { ask, openMenu } from "./menus.js";
import { textOf } from "./messages.js";
import { PAGE } from "./page_data.js";
import { statusOf } from "./people.js";
import { VIDEO } from "./session.js";

const EMOJI = ["👍", "❤️", "😂", "😮", "😢", "😡", "🔥", "🎉", "👏", "🙏", "👀", "😘"];
const REASONS = [
  "It's spam",
  "It's abusive (racist, homophobic, etc.)",
  "It's malicious (e.g. link to a malware website)",
  "It's illegal (e.g. minors, non-consensual content)",
  "Other (please describe)",
];
const GENDERS = { m: "Male", f: "Female", o: "Other" };
const NUDGE = -451;

/** A name in an operator's command; the server reads it as a shell would. */
const quoted = (name) => (/^[\w.@-]+$/.test(name) ? name : `"${name.replace(/["\\$`]/g, "\\$&")}"`);

/** `site`: session, people, conversations, calls, devices; say, changed, openDirect, showPane. */
export class Actions {
  #site;

  constructor(site) {
    this.#site = site;
  }

  /** Send something that the user asked for; tell when it cannot go. */
  #send(message) {
    const sent = this.#site.session.send(message);
    if (!sent) announce("Not done: there is no connection just now.");
    return sent;
  }

  // Webcams

  /** The button beside a name: open or close that webcam. */
  async camera(name) {
    const { calls, people, session, devices } = this.#site;
    if (calls.isWatched(name)) return calls.unwatch(name);
    const person = people.get(name);
    if (!person?.isLive) return undefined;
    if (session.rules.IsNoVideoRule) return announce("You may not watch webcams here.");
    const invited = person.has(VIDEO.INVITED);
    if (person.has(VIDEO.MUTUAL_REQUIRED) && !invited && !devices.isLive && !session.isOperator) {
      return announce(`${person.nick} asks you to start your own camera first.`);
    }
    if (person.has(VIDEO.NSFW) && !(await this.#agreesToExplicit(person))) return undefined;
    calls.ask(person);
    return this.#site.showPane("talk");
  }

  async #agreesToExplicit(person) {
    if (memory.get("explicit")) return true;
    const answer = await ask({
      title: `Open the webcam of ${person.nick}?`,
      text: "It is marked as explicit.",
      action: "Open webcam",
      fields: [{ name: "always", label: "Do not ask again", type: "checkbox" }],
    });
    if (answer?.always) memory.set("explicit", "yes");
    return Boolean(answer);
  }

  // People

  person(name) {
    const { session, people } = this.#site;
    const person = people.get(name);
    if (!person) return announce(`${people.nick(name)} is not here.`);
    const isSelf = name === session.name;
    return openMenu({
      title: person.nick,
      text: `@${line(name)}`,
      person,
      body: this.#card(person),
      items: isSelf ? [] : [...this.#ofPerson(person), ...(session.isOperator ? this.#ofOperator(person) : [])],
    });
  }

  #card(person) {
    const { label, sign } = statusOf(person.status);
    const facts = [["Status", `${sign} ${label}`.trim()]];
    const roles = [person.isOperator && "Operator", person.isVip && PAGE.vipName].filter(Boolean);
    if (roles.length) facts.push(["Is", roles.join(", ")]);
    if (person.emoji) facts.push(["Sign", person.emoji]);
    if (GENDERS[person.gender]) facts.push(["Gender", GENDERS[person.gender]]);
    if (person.isLive) facts.push(["Webcam", person.has(VIDEO.NSFW) ? "on, explicit" : "on"]);
    if (person.dnd) facts.push(["Direct messages", "Please none"]);
    if (person.since) facts.push(["Here since", new Date(person.since * 1000).toLocaleTimeString()]);
    const list = make("dl", { className: "facts" });
    for (const [name, value] of facts) {
      list.append(make("dt", {}, name), make("dd", { dir: "auto" }, value));
    }
    if (!person.profile) return [list];
    const link = make("a", { href: person.profile, target: "_blank", rel: "noopener noreferrer" }, "Profile on the website");
    return [list, make("p", {}, link)];
  }

  #ofPerson(person) {
    const { session, calls, devices, conversations, changed } = this.#site;
    const { name, nick } = person;
    const items = [];
    const muted = session.mutes.has(name);
    const booted = session.boots.has(name);
    const known = Boolean(conversations.get(`@${name}`));
    if (!person.dnd || session.isOperator || known) {
      items.push({ label: "Write a direct message", run: () => this.#site.openDirect(name) });
    }
    if (person.isLive) {
      const watched = calls.isWatched(name);
      items.push({ label: watched ? "Close webcam" : "Open webcam", run: () => this.camera(name) });
    }
    if (devices.isLive && !session.invites.has(name)) {
      const run = () => {
        session.invite(name);
        announce(`${nick} may open your webcam now.`);
      };
      items.push({ label: "Invite to watch my webcam", run });
    }
    items.push({
      label: booted ? "Let them see my webcam again" : "Hide my webcam from them",
      run: () => {
        session.setBooted(name, !booted);
        if (!booted) calls.dropViewer(name);
        announce(booted ? `${nick} may see your webcam again.` : `${nick} cannot see your webcam any more.`);
        changed();
      },
    });
    if (PAGE.permitsNsfw && person.isLive && !person.has(VIDEO.NSFW)) {
      const run = () => this.#send({ action: "react", msgID: NUDGE, message: name }) && announce("Suggested.");
      items.push({ label: "Suggest to mark webcam explicit", run });
    }
    items.push({
      label: muted ? "Unmute" : "Mute",
      run: () => {
        session.setMuted(name, !muted);
        if (!muted) calls.dropViewer(name);
        announce(muted ? `You hear ${nick} again.` : `You hear nothing of ${nick} any more.`);
        changed();
      },
    });
    items.push({ label: "Block", danger: true, run: () => this.#block(person) });
    return items;
  }

  async #block({ name, nick }) {
    const sure = await ask({
      title: `Block ${nick}?`,
      text: "You vanish for each other: messages, webcams and names.",
      action: "Block",
      danger: true,
    });
    if (!sure) return;
    this.#site.session.block(name);
    this.#site.calls.dropViewer(name);
    if (this.#site.calls.isWatched(name)) this.#site.calls.unwatch(name);
    this.#site.changed();
  }

  /** Blocks last as long as one is logged in: the protocol takes none back. */
  blocked() {
    const { session, changed } = this.#site;
    openMenu({
      title: "Blocked people",
      text: "Who is taken off this list is no longer blocked when you enter the next time.",
      items: [...session.blocks].map((name) => ({
        label: `Unblock ${line(name, 60)}`,
        run: () => {
          session.forgetBlock(name);
          announce(`${line(name, 60)} is no longer blocked when you enter the next time.`);
          changed();
        },
      })),
    });
  }

  // Messages

  message(entry, conversation) {
    const { session, people } = this.#site;
    const isOwn = entry.sender === session.name;
    const nick = people.nick(entry.sender);
    const items = [];
    if (!isOwn && people.get(entry.sender)) {
      items.push({ label: `About ${nick}`, run: () => this.person(entry.sender) });
    }
    items.push({ label: "Copy text", run: () => this.#copy(entry) });
    if (isOwn || session.isOperator) {
      const run = () => this.#send({ action: "takeback", msgID: entry.id });
      items.push({ label: "Take back", danger: true, run });
    }
    if (!isOwn && PAGE.reports) {
      items.push({ label: "Report", danger: true, run: () => this.#report(entry, conversation) });
    }
    openMenu({
      title: isOwn ? "Your message" : `Message of ${nick}`,
      text: line(textOf(entry.html), 120),
      emoji: EMOJI,
      react: (emoji) => this.react(entry, emoji),
      items,
      onclose: () => entry.element.querySelector(".message-more")?.focus({ preventScroll: true }),
    });
  }

  react(entry, emoji) {
    this.#send({ action: "react", msgID: entry.id, message: emoji });
  }

  async #copy(entry) {
    try {
      await navigator.clipboard.writeText(textOf(entry.html));
      announce("Copied");
    } catch {
      announce("The browser does not let this page copy.");
    }
  }

  async #report(entry, conversation) {
    const answer = await ask({
      title: "Report this message",
      text: "Whoever runs this site gets it, with your words.",
      action: "Report",
      fields: [
        { name: "reason", label: "Reason", type: "select", options: REASONS },
        { name: "comment", label: "Comment", type: "textarea" },
      ],
    });
    if (!answer) return;
    this.#send({
      action: "report",
      channel: conversation.id,
      username: entry.sender,
      timestamp: new Date(entry.at).toString(),
      reason: answer.reason,
      message: entry.html,
      comment: answer.comment,
    });
  }

  // Operators

  #command(text) {
    this.#site.say(text);
  }

  #ofOperator(person) {
    const name = quoted(person.name);
    const items = [];
    if (person.isLive && !person.has(VIDEO.NSFW)) {
      items.push({ label: "Operator: mark webcam explicit", run: () => this.#command(`/nsfw ${name}`) });
    }
    if (person.isLive) {
      items.push({ label: "Operator: turn webcam off", run: () => this.#command(`/cut ${name}`) });
    }
    items.push({ label: "Operator: kick", danger: true, run: () => this.#kick(person) });
    items.push({ label: "Operator: ban", danger: true, run: () => this.#ban(person) });
    if (person.isOperator) {
      items.push({ label: "Operator: make an ordinary guest again", run: () => this.#command(`/deop ${name}`) });
    } else {
      items.push({ label: "Operator: make an operator", run: () => this.#command(`/op ${name}`) });
    }
    return items;
  }

  async #kick(person) {
    const text = "They are put out, and may come in again.";
    const sure = await ask({ title: `Kick ${person.nick}?`, text, action: "Kick", danger: true });
    if (sure) this.#command(`/kick ${quoted(person.name)}`);
  }

  async #ban(person) {
    const answer = await ask({
      title: `Ban ${person.nick}?`,
      text: "They are put out, and not let in for so long.",
      action: "Ban",
      danger: true,
      fields: [{ name: "hours", label: "Hours", type: "number", value: "24", required: true }],
    });
    if (answer) this.#command(`/ban ${quoted(person.name)} ${answer.hours}`);
  }

  operate() {
    openMenu({
      title: "Operator",
      items: [
        { label: "Show who is banned", run: () => this.#command("/bans") },
        { label: "Lift a ban", run: () => this.#unban() },
        { label: "Hear everybody: lift mutes and blocks against me", run: () => this.#command("/unmute-all") },
        { label: "Help on commands", run: () => this.#command("/help") },
        { label: "Put everybody out", danger: true, run: () => this.#kickAll() },
      ],
    });
  }

  async #unban() {
    const fields = [{ name: "name", label: "Name", required: true, maxLength: 100 }];
    const answer = await ask({ title: "Lift a ban", action: "Let in again", fields });
    if (answer?.name) this.#command(`/unban ${quoted(answer.name)}`);
  }

  async #kickAll() {
    const text = "Everybody is disconnected, you as well.";
    if (await ask({ title: "Put everybody out?", text, action: "Put out", danger: true })) {
      this.#command("/kickall");
    }
  }
}
