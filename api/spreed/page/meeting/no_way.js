import { byId } from "./page.js";
import { theirs } from "./text.js";

/** Say why no direct way to somebody is found, and what helps; `relayed`: the server has TURN. */
export function explainNoWay(name, relayed) {
  byId("no-way-title").replaceChildren("Why is there no way to ", theirs(name), "?");
  byId("no-way-relayed").hidden = !relayed;
  byId("no-way-unrelayed").hidden = relayed;
  byId("no-way-done").onclick = () => byId("no-way-dialog").close();
  byId("no-way-dialog").showModal();
}
