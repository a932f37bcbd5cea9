// What an operator can order, each confirmed first and told afterwards.

import { confirmed } from "./dialog.js";

/**
 * Confirm, send, tell what came of it: `done`, or what it makes of the values. Returns whether it was
 * done.
 */
async function ordered(desk, question, send, done) {
  const values = await confirmed(desk.server, question);
  if (!values) return false;
  try {
    await send(values);
  } catch (error) {
    desk.failed(error);
    return false;
  }
  desk.tell(typeof done === "function" ? done(values) : done);
  await desk.refresh();
  return true;
}

/** The body of an order that closes. */
const closing = ({ reason, seconds }) => (seconds ? { reason, seconds: Number(seconds) } : { reason });

export function closeRoom(desk, { id, name }) {
  return ordered(desk, {
    title: "Close this room?", about: name, yes: "Close the room", fields: ["reason", "seconds"],
    text: "All in it are put out and told the reason. Nobody can come in by this name for a while.",
  }, (values) => desk.server.order("POST", `rooms/${id}/close`, closing(values)), `Closed: ${name}`);
}

/** Close a room by a name that is asked for, whether or not anybody is in it. */
export function closeName(desk) {
  return ordered(desk, {
    title: "Close a name?", about: "", yes: "Close the name", fields: ["name", "dialect", "reason", "seconds"],
    text: "Nobody can come in by this name for a while; whoever is in is put out. "
      + "Rooms of owt are named by their ids, the chat of barertc is called site.",
  }, ({ name, dialect, ...values }) => desk.server.order("POST", "closed",
    { realm: dialect, name, ...closing(values) }), ({ name }) => `Closed: ${name}`);
}

export function openAgain(desk, { id, name }) {
  return ordered(desk, {
    title: "Open this name again?", about: name, yes: "Open it",
    text: "People can come in by this name at once.",
  }, () => desk.server.order("DELETE", `closed/${id}`), `Open again: ${name}`);
}

export function putOut(desk, { id, name, peer }) {
  return ordered(desk, {
    title: "Put this person out?", about: name || peer, yes: "Put out", fields: ["reason"],
    text: "The session ends and cannot be resumed; the person is told the reason.",
  }, ({ reason }) => desk.server.order("POST", `people/${id}/put-out`, { reason }),
  `Put out: ${name || peer}`);
}

/** `path` is whose stream it is: a person's, or a room's; `owner` is a name. */
export function mute(desk, path, owner, stream) {
  const muted = !stream.muted;
  const kinds = [stream.kind];
  return ordered(desk, {
    title: muted ? "Mute this stream?" : "Let this stream be heard and seen again?",
    about: owner ? `${owner}: ${stream.kind}` : stream.kind, yes: muted ? "Mute" : "Unmute",
    text: muted ? "Nobody gets it from this server until it is let through again." : "All who take it get it again.",
  }, () => desk.server.order("POST", `${path}/mute`, { stream: stream.id, muted, kinds }),
  `${muted ? "Muted" : "Not muted any more"}: ${owner || "stream"}, ${stream.kind}`);
}

export function deleteRecording(desk, recording) {
  return ordered(desk, {
    title: "Delete this recording?", about: recording.id, yes: "Delete it", no: "Keep it",
    text: "Its file is gone for good.",
  }, () => desk.server.order("DELETE", `recordings/${encodeURIComponent(recording.id)}`),
  `Deleted: ${recording.id}`);
}

export function stopActor(desk, path, shown) {
  return ordered(desk, {
    title: "Stop this actor?", about: shown, yes: "Stop it", no: "Keep it",
    text: "It and everything below it ends; who is in it is cut off. What has clients that come back is made anew.",
  }, () => desk.server.order("POST", "actors/stop", { path }), `Stopped: ${shown}`);
}
