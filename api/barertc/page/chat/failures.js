/** Why a webcam cannot be seen: in a line on its tile, and at length for who asks. */

import { make } from "./dom.js";
import { openMenu } from "./menus.js";
import { ICE_SERVERS } from "./page_data.js";

const relayed = ICE_SERVERS.some(({ urls }) => /^turns?:/.test(urls));

/** `reason` is one of those that Call gives. */
export function inShort(nick, reason) {
  if (reason === "timeout") return `The browser of ${nick} does not answer.`;
  if (reason === "media") return `The webcam of ${nick} could not be opened.`;
  return `No direct way to ${nick} was found.`;
}

function atLength(nick, reason) {
  if (reason === "timeout") {
    return [`${nick} was asked for the picture 15 seconds ago. Perhaps they are offline just now, or their page sleeps.`];
  }
  if (reason === "media") return ["The two browsers could not agree on how to send the picture."];
  return [
    `Webcams go straight from browser to browser. Between your network and the one of ${nick} nothing came through: ` +
      "firewalls, mobile networks and VPNs often let no such connection pass.",
    "Another network helps in most cases: home instead of office, Wi-Fi instead of mobile data, no VPN.",
    relayed
      ? "This chat has a relay for such cases, but it was not reached either. Please tell whoever runs the chat."
      : "This chat has no relay (a TURN server) for such cases. Whoever runs it can add one.",
  ];
}

/** Answer "Why?"; `again` is called where somebody wants to try once more. */
export function explain(nick, reason, again) {
  openMenu({
    title: inShort(nick, reason),
    body: atLength(nick, reason).map((text) => make("p", { dir: "auto" }, text)),
    items: [{ label: "Try again", run: again }],
  });
}
