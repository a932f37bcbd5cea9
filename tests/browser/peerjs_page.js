// One client of npm peerjs in a page; the test asks `told` for what has happened to it.
"use strict";

const told = [];
const links = {}; // data connections and calls, by the name that the test gives them
const received = {};
let peer;

const sockets = [];
window.WebSocket = class extends WebSocket {
  constructor(...all) { super(...all); sockets.push(this); }
};

function open(id, options) {
  const more = { config: { iceServers: [] }, debug: 0, ...options };
  peer = id ? new Peer(id, more) : new Peer(more);
  peer.on("open", (mine) => told.push(["open", mine]));
  peer.on("error", (error) => told.push(["error", error.type, error.message]));
  peer.on("disconnected", () => told.push(["disconnected"]));
  peer.on("close", () => told.push(["closed"]));
  peer.on("connection", (connection) => keep(connection.label, connection, true));
  peer.on("call", async (call) => {
    keepCall("in", call);
    call.answer(await camera());
  });
}

function keep(name, connection, answers) {
  links[name] = connection;
  received[name] = [];
  connection.on("open", () => told.push(["connected", name]));
  connection.on("close", () => told.push(["ended", name]));
  connection.on("error", (error) => told.push(["error of", name, String(error)]));
  connection.on("data", (data) => {
    received[name].push(data);
    if (answers) connection.send(data);
  });
}

function connect(to, name, options) {
  keep(name, peer.connect(to, { label: name, ...options }), false);
}

// Send what a kind of data is, and tell whether it came back as it was.
async function exchange(name, kind, size) {
  // 1.3.2 cannot unpack letters that take four bytes.
  const sent = { text: () => "é€".repeat(size), bytes: () => pattern(size), json: () => document_(size) };
  const data = sent[kind]();
  received[name].length = 0;
  links[name].send(data);
  const until = performance.now() + 20_000;
  while (!received[name].length) {
    if (performance.now() > until) return false;
    await new Promise((done) => setTimeout(done, 10));
  }
  return same(data, received[name][0]);
}

function pattern(size) {
  return Uint8Array.from({ length: size }, (_, at) => (at * 7) % 251).buffer;
}

function document_(size) {
  return { name: "ü", list: [1, 2.5, null, true], text: "x".repeat(size) };
}

function same(sent, came) {
  if (!(sent instanceof ArrayBuffer)) return JSON.stringify(sent) === JSON.stringify(came);
  const [one, other] = [new Uint8Array(sent), new Uint8Array(came)];
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

function camera() {
  return navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 240 } });
}

async function call(to) {
  keepCall("out", peer.call(to, await camera()));
}

function keepCall(name, call) {
  links[name] = call;
  call.on("close", () => told.push(["ended", name]));
  call.on("stream", (stream) => {
    const video = document.body.appendChild(document.createElement("video"));
    video.muted = true;
    video.srcObject = stream;
    video.play();
    links[`${name} video`] = video;
  });
}

function frames(name) {
  const video = links[`${name} video`];
  return video ? video.getVideoPlaybackQuality().totalVideoFrames : 0;
}

// What a headless Firefox has decoded: of what it has shown it says nothing.
async function decoded(name) {
  if (!links[`${name} video`]?.videoWidth) return 0;
  for (const each of (await links[name].peerConnection.getStats()).values()) {
    if (each.type === "inbound-rtp" && each.kind === "video") return each.framesDecoded ?? 0;
  }
  return 0;
}

// The first message of each of these websockets.
function greetings(urls) {
  return Promise.all(urls.map((url) => new Promise((done) => {
    const socket = new WebSocket(url);
    socket.onmessage = (event) => { done(event.data); socket.close(); };
    socket.onclose = () => done("closed");
  })));
}
