import { memoryOfTab } from "./memory.js";
import { announce, byId, copy, setIcon, setWords } from "./page.js";

/** The room's PIN: asked for at the door, remembered by this tab, shown and changed inside. */
export class Lock {
  pin = "";
  #key;
  #question;
  #change;

  /** `change(pin)` has the server lock the room with it, or unlock it for ""; it may reject. */
  constructor({ room, question, change }) {
    this.#key = `pin.${room}`;
    this.#question = question;
    this.#change = change;
    byId("lock").onclick = () => this.#toggle();
    byId("locked").onclick = () => byId("pin-dialog").showModal();
    byId("pin-done").onclick = () => byId("pin-dialog").close();
    byId("pin-copy").onclick = () => copy(this.pin, byId("pin"), "The PIN is copied");
  }

  /** As somebody inside has set it; "" for open. */
  set(pin) {
    this.pin = pin;
    this.show();
  }

  show() {
    memoryOfTab.set(this.#key, this.pin); // over a reload, in this tab only
    byId("locked").hidden = byId("invite-locked").hidden = !this.pin;
    byId("invite-open").hidden = Boolean(this.pin);
    byId("pin").value = byId("invite-pin").textContent = this.pin;
    if (!this.pin) byId("pin-dialog").close();
    setWords(byId("lock"), this.pin ? "Unlock" : "Lock");
    byId("lock").classList.toggle("active", Boolean(this.pin));
    setIcon(byId("lock"), this.pin ? "lock" : "unlock");
  }

  /** The PIN for the door, remembered or asked for by `ask`; null for none. */
  async find(wrong, ask) {
    const remembered = memoryOfTab.get(this.#key);
    let problem = "";
    if (wrong && remembered === this.pin) problem = "The PIN has been changed.";
    else if (wrong) problem = "That PIN is not the right one.";
    if (wrong) memoryOfTab.set(this.#key, "");
    const question = {
      title: "This room is locked",
      text: "Ask somebody who is inside for the PIN.",
      label: "PIN",
      action: "Enter",
      problem,
    };
    return (!wrong && remembered) || ask(question);
  }

  async #toggle() {
    let pin = "";
    if (!this.pin) {
      pin = await this.#question.ask({
        title: "Lock this room",
        text: "Whoever comes later needs this PIN. Everybody who is here already stays.",
        label: "New PIN",
        action: "Lock",
      });
      if (!pin) return;
    }
    try {
      await this.#change(pin);
    } catch {
      return announce("The lock could not be changed. Please try again.");
    }
    this.set(pin);
    announce(pin ? "The room is locked" : "The room is open");
  }
}
