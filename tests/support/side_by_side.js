// A call through the server and a direct one, of the same camera, in one page (behind owt_page.js).
// Each connection is led through a relay by the function `relayed`, which the program provides: the
// side that offers tells no address, and gets the other one's with a port of the relay's.
"use strict";

const WIDTH = 640;
const HEIGHT = 480;
const PER_SECOND = 15;

// A picture that takes all the bits it gets: patches of noise, in other places each time.
window.busyCamera = () => {
  const noise = new OffscreenCanvas(WIDTH, HEIGHT);
  const grain = noise.getContext("2d");
  const pixels = grain.createImageData(WIDTH, HEIGHT);
  for (let at = 0; at < pixels.data.length; at += 4) {
    const grey = 60 + ((Math.imul(at, 2654435761) >>> 24) * 120) / 255;
    pixels.data.set([grey, grey, 255 - grey, 255], at);
  }
  grain.putImageData(pixels, 0, 0);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [WIDTH, HEIGHT];
  const context = canvas.getContext("2d");
  let step = 0;
  setInterval(() => {
    step += 1;
    context.fillStyle = `hsl(${(step * 3) % 360} 60% 50%)`;
    context.fillRect((step * 11) % WIDTH, 0, 60, HEIGHT);
    for (let patch = 0; patch < 6; patch++) {
      const x = (step * 37 + patch * 111) % (WIDTH - 96);
      const y = (step * 23 + patch * 73) % (HEIGHT - 96);
      context.drawImage(noise, y, x % (HEIGHT - 96), 96, 96, x, y, 96, 96);
    }
  }, 1000 / PER_SECOND);
  return canvas.captureStream(PER_SECOND).getVideoTracks()[0];
};

// Without forward error correction, which would count as picture and is none.
const onlyVp8 = (transceiver) => {
  const wanted = ["video/vp8", "video/rtx"];
  const all = RTCRtpSender.getCapabilities("video").codecs;
  transceiver.setCodecPreferences(all.filter((each) => wanted.includes(each.mimeType.toLowerCase())));
};

const play = (stream) => {
  const video = document.createElement("video");
  [video.autoplay, video.muted, video.srcObject] = [true, true, stream];
  document.body.append(video);
};

class RelayedConference extends Conference {
  trickle() {}

  async progress(message) {
    if (message.status === "soac" && message.data.type === "answer") {
      message.data.sdp = await relayed(message.data.sdp);
    }
    return super.progress(message);
  }

  async publishTracks(audio, video) {
    const pc = new RTCPeerConnection();
    pc.addTransceiver(audio, { direction: "sendonly" });
    onlyVp8(pc.addTransceiver(video, { direction: "sendonly" }));
    const media = { audio: { source: "mic" }, video: { source: "camera" } };
    return this.negotiate(pc, "publish", { media, attributes: {} });
  }
}

const direct = async (audio, video) => {
  const [from, to] = [new RTCPeerConnection(), new RTCPeerConnection()];
  from.addTransceiver(audio, { direction: "sendonly" });
  onlyVp8(from.addTransceiver(video, { direction: "sendonly" }));
  const streams = new Set();
  to.ontrack = (event) => streams.add(event.streams[0] || new MediaStream([event.track]));
  const offer = await from.createOffer();
  await from.setLocalDescription(offer);
  await to.setRemoteDescription(offer);
  await to.setLocalDescription(await to.createAnswer());
  while (to.iceGatheringState !== "complete") {
    await new Promise((resolve) => (to.onicegatheringstatechange = resolve));
  }
  await from.setRemoteDescription({ type: "answer", sdp: await relayed(to.localDescription.sdp) });
  for (const stream of streams) play(stream);
  return [from, to];
};

const reading = async (from, to) => {
  const found = { at: performance.now() / 1000 };
  for (const each of (await to.getStats()).values()) {
    if (each.type !== "inbound-rtp") continue;
    if (each.kind === "video") {
      found.extra = each.retransmittedBytesReceived || 0;
      found.bytes = each.bytesReceived - found.extra;
      found.frames = each.framesDecoded || 0;
      found.width = each.frameWidth || 0;
      found.height = each.frameHeight || 0;
      found.freezes = each.freezeCount || 0;
      found.frozen = each.totalFreezesDuration || 0;
      found.lost = each.packetsLost;
    } else {
      found.samples = each.totalSamplesReceived || 0;
      found.concealed = each.concealedSamples || 0;
    }
  }
  for (const each of (await from.getStats()).values()) {
    if (each.type === "outbound-rtp" && each.kind === "video") {
      found.target = each.targetBitrate || 0;
      found.limited = each.qualityLimitationReason;
    }
    if (each.type === "candidate-pair" && each.nominated) {
      found.available = each.availableOutgoingBitrate || 0;
    }
  }
  return found;
};

// Sets both calls up, the direct one and one per token of a viewer.
window.setUp = async (tokens) => {
  const [audio, video] = [beeping(), busyCamera()];
  const people = tokens.map(() => new RelayedConference());
  await Promise.all(people.map((person, at) => person.join(tokens[at])));
  const publication = await people[0].publishTracks(audio, video);
  const from = people[0].sessions[publication].pc;
  window.calls = { direct: await direct(audio, video) };
  const subscription = await people[1].subscribe(publication);
  calls.server = [from, people[1].sessions[subscription].pc];
  for (const call of Object.values(calls)) {
    while (!(await reading(...call)).frames) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
};

// Reads both calls every second.
window.watch = async (seconds) => {
  const found = [];
  for (let second = 0; second <= seconds; second++) {
    found.push({ server: await reading(...calls.server), direct: await reading(...calls.direct) });
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  return found;
};
