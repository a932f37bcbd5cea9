// libdatachannel, as npm's node-datachannel has it, publishes RTP that somebody else has made.
//
//     node datachannel_peer.js vp8|h264
//
// Says its offer and the UDP ports where it takes RTP, and takes the answer, as lines of JSON:
// {"sdp": …, "audio": port, "video": port} and {"sdp": …}. Packets go on as they come, with the SSRC
// of the offer.
"use strict";

const dgram = require("node:dgram");
const readline = require("node:readline");
const { Audio, PeerConnection, Video } = require("node-datachannel");

const VIDEO = { type: 96, ssrc: 4201 };
const AUDIO = { type: 97, ssrc: 4202 };

const pc = new PeerConnection("publisher", { iceServers: [], bindAddress: "127.0.0.1" });

const picture = new Video("video", "SendOnly");
if (process.argv[2] === "h264") picture.addH264Codec(VIDEO.type);
else picture.addVP8Codec(VIDEO.type);
picture.addSSRC(VIDEO.ssrc, "publisher", "stream", "picture");
const sound = new Audio("audio", "SendOnly");
sound.addOpusCodec(AUDIO.type);
sound.addSSRC(AUDIO.ssrc, "publisher", "stream", "sound");

function passOn(track, ssrc) {
  const socket = dgram.createSocket("udp4");
  socket.on("message", (packet) => {
    packet.writeUInt32BE(ssrc, 8);
    if (track.isOpen()) track.sendMessageBinary(packet);
  });
  return new Promise((resolve) => {
    socket.bind(0, "127.0.0.1", () => resolve(socket.address().port));
  });
}

async function main() {
  const video = await passOn(pc.addTrack(picture), VIDEO.ssrc);
  const audio = await passOn(pc.addTrack(sound), AUDIO.ssrc);
  pc.onGatheringStateChange((state) => {
    if (state !== "complete") return;
    process.stdout.write(JSON.stringify({ sdp: pc.localDescription().sdp, audio, video }) + "\n");
  });
  readline.createInterface({ input: process.stdin }).on("line", (line) => {
    pc.setRemoteDescription(JSON.parse(line).sdp, "answer");
  });
  pc.setLocalDescription("offer");
}

main();
