import { byId, CONFIG, showView } from "./page.js";
import { line, theirs } from "./text.js";

const MAX_REASON = 500;
const WORDS = {
  room: ["This room was closed", "the meeting", "It can be entered again"],
  person: ["You were put out of the meeting", "your stay", "You can come back"],
};

/** What one sees after the call, and when the operator has ended it. */
export class Goodbye {
  #room;

  /** `again` is called when the person wants to go back to the lobby. */
  constructor(room, again) {
    this.#room = room;
    byId("again").onclick = again;
  }

  /** One has left by oneself; `others`: whether somebody is still there. */
  showLeft(others) {
    const end = others ? "” goes on without you." : "” is over: nobody is left.";
    this.#show("You have left", ["The meeting in “", theirs(this.#room), end], "Join again");
  }

  /** The operator closed the room, or put one out of it: why, and for how many seconds. */
  showClosed({ kind, reason, seconds }) {
    const [title, what, until] = kind === "person" ? WORDS.person : WORDS.room;
    const text = ["The operator of this server has ended ", what, " in “", theirs(this.#room), "”."];
    this.#show(title, text, "Back to the lobby");
    const why = line(reason, MAX_REASON);
    byId("goodbye-reason").replaceChildren(...(why ? ["Reason: ", theirs(why)] : []));
    byId("goodbye-until").textContent = seconds > 0 ? `${until} from ${clock(seconds)} on.` : "";
  }

  #show(title, parts, again) {
    byId("goodbye-title").textContent = title;
    byId("goodbye-text").replaceChildren(...parts);
    byId("goodbye-reason").textContent = byId("goodbye-until").textContent = "";
    byId("again").textContent = again;
    showView("goodbye", CONFIG.Title);
  }
}

/** The time in so many seconds, to the minute after; with the day, where that is not today. */
function clock(seconds) {
  const then = new Date(Math.ceil((Date.now() + seconds * 1_000) / 60_000) * 60_000);
  const today = then.toDateString() === new Date().toDateString();
  return then.toLocaleString([], { timeStyle: "short", ...(today ? {} : { dateStyle: "medium" }) });
}
