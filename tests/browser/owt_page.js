// A conference client for tests: the order of calls is that of the published JavaScript SDK 4.3.
// One connection per publication and per subscription; the page offers, the server only answers.
"use strict";

window.moving = (width, height) => {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  let step = 0;
  setInterval(() => {
    context.fillStyle = `hsl(${(step++ * 7) % 360} 80% 50%)`;
    context.fillRect(0, 0, width, height);
    context.fillStyle = "black";
    context.fillRect((step * 5) % width, 10, 30, height - 20);
  }, 66);
  return canvas.captureStream(15).getVideoTracks()[0];
};

window.beeping = () => {
  const audio = new AudioContext();
  const tone = audio.createOscillator();
  const out = audio.createMediaStreamDestination();
  tone.connect(out);
  tone.start();
  return out.stream.getAudioTracks()[0];
};

// What the browser has for devices: Firefox plays nothing of our own making before the first click.
window.captured = async (width, height) => {
  const wanted = { audio: true, video: { width, height, frameRate: 15 } };
  const stream = await navigator.mediaDevices.getUserMedia(wanted);
  return [...stream.getAudioTracks(), ...stream.getVideoTracks()];
};

window.rsaCertificate = () =>
  RTCPeerConnection.generateCertificate({
    name: "RSASSA-PKCS1-v1_5",
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: "SHA-256",
  });

class Conference {
  constructor() {
    this.told = []; // [name, data] of every notification
    this.sessions = {}; // by id of the publication or subscription
    this.relogins = 0;
    this.left = "";
  }

  join(tokenText) {
    const token = JSON.parse(atob(tokenText));
    const host = (token.secure ? "https://" : "http://") + token.host;
    const options = { reconnection: true, reconnectionAttempts: 10, "force new connection": true };
    this.socket = io(host, options);
    for (const name of ["participant", "text", "stream", "progress", "drop"]) {
      this.socket.on(name, (data) => this.hear(name, data));
    }
    this.socket.on("disconnect", (reason) => (this.left = reason));
    return new Promise((resolve, reject) => {
      this.socket.on("connect_error", (error) => reject(new Error(`connect_error ${error}`)));
      this.socket.on("connect", () => {
        if (this.me) {
          this.relogin();
          return;
        }
        const userAgent = {
          sdk: { type: "JavaScript", version: "4.3.1" },
          runtime: { name: "Chrome", version: "1" },
          os: { name: "Linux", version: "1" },
        };
        const login = { token: tokenText, userAgent, protocol: "1.1" };
        this.socket.emit("login", login, (status, data) => {
          if (status !== "ok") {
            reject(new Error(data));
            return;
          }
          const ticket = JSON.parse(atob(data.reconnectionTicket));
          if (!(ticket.notAfter > ticket.notBefore)) reject(new Error("no ticket"));
          this.me = data;
          this.ticket = data.reconnectionTicket;
          resolve(data);
        });
      });
    });
  }

  relogin() {
    this.socket.emit("relogin", this.ticket, (status, data) => {
      if (status !== "ok") throw new Error(data);
      this.ticket = data;
      this.relogins += 1;
    });
  }

  request(name, data) {
    return new Promise((resolve, reject) => {
      this.socket.emit(name, data, (status, answer) => {
        if (status === "ok") resolve(answer);
        else reject(new Error(answer));
      });
    });
  }

  hear(name, data) {
    this.told.push([name, data]);
    if (name === "progress") this.progress(data);
  }

  async progress(message) {
    const session = this.sessions[message.id];
    if (!session) return;
    if (message.status === "soac" && message.data.type === "answer") {
      await session.pc.setRemoteDescription(message.data);
      session.answered = true;
      for (const candidate of session.candidates) this.trickle(session, candidate);
    } else if (message.status === "ready") {
      session.ready();
    } else if (message.status === "error") {
      session.error = message.data;
      session.failed(new Error(message.data));
    }
  }

  trickle(session, candidate) {
    const { sdpMid, sdpMLineIndex } = candidate;
    const found = { candidate: "a=" + candidate.candidate, sdpMid, sdpMLineIndex };
    const signaling = { type: "candidate", candidate: found };
    this.request("soac", { id: session.id, signaling });
  }

  async negotiate(pc, name, options) {
    const offer = await pc.createOffer();
    const { id } = await this.request(name, options);
    const session = (this.sessions[id] = { id, pc, candidates: [], answered: false });
    const done = new Promise((resolve, reject) => {
      session.ready = () => resolve(id);
      session.failed = reject;
    });
    pc.onicecandidate = (event) => {
      if (!event.candidate) return;
      if (session.answered) this.trickle(session, event.candidate);
      else session.candidates.push(event.candidate);
    };
    await pc.setLocalDescription(offer);
    await this.request("soac", { id, signaling: { type: "offer", sdp: offer.sdp } });
    return done;
  }

  async tracks({ width, height, devices }) {
    return devices ? captured(width, height) : [beeping(), moving(width, height)];
  }

  async publish(wanted) {
    const { codec, layers, rsa } = wanted;
    const [sound, picture] = await this.tracks(wanted);
    const pc = new RTCPeerConnection(rsa ? { certificates: [await rsaCertificate()] } : {});
    pc.addTransceiver(sound, { direction: "sendonly" });
    const options = { direction: "sendonly" };
    if (layers) {
      options.sendEncodings = [
        { rid: "q", active: true, scaleResolutionDownBy: 4.0 },
        { rid: "h", active: true, scaleResolutionDownBy: 2.0 },
        { rid: "f", active: true },
      ];
    }
    const video = pc.addTransceiver(picture, options);
    // Else a picture begins smaller than it is, until there is a measure of the bandwidth.
    const parameters = video.sender.getParameters();
    await video.sender.setParameters({ ...parameters, degradationPreference: "maintain-resolution" });
    const all = RTCRtpSender.getCapabilities("video").codecs;
    const first = all.filter((each) => each.mimeType.toLowerCase() === `video/${codec}`);
    video.setCodecPreferences([...first, ...all.filter((each) => !first.includes(each))]);
    const { width, height, frameRate: framerate } = picture.getSettings();
    const said = width ? { resolution: { width, height }, framerate } : undefined;
    const media = { audio: { source: "mic" }, video: { source: "camera", parameters: said } };
    return this.negotiate(pc, "publish", { media, attributes: { page: "test" } });
  }

  subscribe(stream, rsa) {
    return this.take({ audio: { from: stream }, video: { from: stream } }, rsa);
  }

  // `media` as it is asked for: what is false is not taken.
  async take(media, rsa) {
    const pc = new RTCPeerConnection(rsa ? { certificates: [await rsaCertificate()] } : {});
    for (const kind of ["audio", "video"]) {
      if (media[kind]) pc.addTransceiver(kind, { direction: "recvonly" });
    }
    const streams = new Set();
    pc.ontrack = (event) => streams.add(event.streams[0]);
    const id = await this.negotiate(pc, "subscribe", { media });
    if (streams.size !== 1) throw new Error(`${streams.size} media streams`);
    const video = document.createElement("video");
    video.autoplay = true;
    video.srcObject = [...streams][0];
    document.body.append(video);
    this.sessions[id].video = video;
    this.sessions[id].frames = 0;
    const shown = (now, { presentedFrames }) => {
      this.sessions[id].frames = presentedFrames;
      video.requestVideoFrameCallback(shown);
    };
    video.requestVideoFrameCallback(shown);
    return id;
  }

  // As the SDK does: it says so, and closes in the same moment. The network may turn that round.
  async stop({ id, word, closedFirst }) {
    const { pc } = this.sessions[id];
    if (closedFirst) {
      pc.close();
      await new Promise((resolve) => setTimeout(resolve, closedFirst));
      return this.request(word, { id });
    }
    const answer = this.request(word, { id });
    pc.close();
    return answer;
  }

  seen(id) {
    const { video, frames } = this.sessions[id];
    return { width: video.videoWidth, height: video.videoHeight, frames };
  }

  async heard(id) {
    const reports = [...(await this.sessions[id].pc.getStats()).values()];
    const audio = reports.find((each) => each.type === "inbound-rtp" && each.kind === "audio");
    return { packets: audio?.packetsReceived ?? 0, energy: audio?.totalAudioEnergy ?? 0 };
  }

  lose() {
    this.socket.io.engine.transport.ws.close();
  }
}

window.conference = new Conference();
