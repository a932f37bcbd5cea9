import { Refused } from "./channel.js";
import { Meeting } from "./meeting.js";
import { address, byId, CONFIG, showProblem, showView } from "./page.js";

/** The room the address names, "" for none: path segments below the base, decoded. */
function roomOfAddress() {
  const base = new URL(".", document.baseURI).pathname;
  const segments = location.pathname.slice(base.length).split("/").filter(Boolean);
  try {
    return segments.map(decodeURIComponent).join("/");
  } catch {
    return segments.join("/");
  }
}

function goTo(room) {
  location.assign(address(room.split("/").filter(Boolean).map(encodeURIComponent).join("/")));
}

async function makeRoom() {
  try {
    const response = await fetch(address("api/v1/rooms"), { method: "POST" });
    if (!response.ok) throw new Refused(String(response.status));
    goTo((await response.json()).name);
  } catch {
    showProblem(byId("start-problem"), "The server could not make a room. Please try again.");
  }
}

function openStart() {
  byId("make-room").onclick = makeRoom;
  byId("room-form").onsubmit = (event) => {
    event.preventDefault();
    const room = byId("room-name").value.trim();
    if (room) goTo(room);
  };
  showView("start", CONFIG.Title);
}

const room = roomOfAddress();
if (room) new Meeting(room).openLobby();
else openStart();
