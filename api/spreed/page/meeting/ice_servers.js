import { announce } from "./page.js";

/** The STUN and TURN servers of a Self document, as a peer connection takes them. */
export function iceServersOf({ Stun: stun, Turn: turn }) {
  const { urls, username, password: credential } = turn ?? {};
  const servers = [];
  if (stun?.length) servers.push({ urls: stun });
  if (urls?.length) servers.push({ urls, username, credential });
  try {
    new RTCPeerConnection({ iceServers: servers }).close();
    return servers;
  } catch {
    announce("The server's STUN or TURN addresses are wrong; some calls may not connect.");
    return []; // an address the browser cannot read would end every call
  }
}
