/** One peer connection between two browsers, by which a webcam is seen. */

import { ICE_SERVERS } from "./page_data.js";

const KINDS = ["video", "audio"];
/** From the first word to a connection. */
const SETUP_MS = 15_000;
const BROKEN_MS = 6_000;

/**
 * One peer connection.
 *
 * `link`: send(action, payload), media (Devices), shown() when they are seen, connected(),
 * failed(reason) when there never was a connection (reasons: `#whyNone`), ended(why) when there was
 * one. None is called after `close`.
 */
export class Call {
  gives = false;
  shows = false;
  /** When there was a connection first, as performance.now() says; 0 as long as there is none. */
  connectedAt = 0;
  #connection = new RTCPeerConnection({ iceServers: ICE_SERVERS, bundlePolicy: "max-bundle" });
  #link;
  stream = new MediaStream();
  #work = Promise.resolve();
  #described = false;
  #candidates = [];
  #setup;
  #broken;
  #closed = false;

  constructor(link) {
    this.#link = link;
    const connection = this.#connection;
    connection.ontrack = ({ track }) => {
      this.stream.addTrack(track);
      if (this.connectedAt) this.#show();
    };
    connection.onicecandidate = ({ candidate }) => {
      if (!candidate?.candidate) return;
      if (this.#described) link.send("candidate", JSON.stringify(candidate));
      else this.#candidates.push(candidate);
    };
    connection.onconnectionstatechange = () => {
      this.#stateChanged();
    };
    this.#setup = setTimeout(() => link.failed(this.#whyNone()), SETUP_MS);
  }

  /** Whether there is a connection, and so something to be measured. */
  get isConnected() {
    return this.#connection.connectionState === "connected";
  }

  getStats() {
    return this.#connection.getStats();
  }

  /** Offer to watch; with `give`, one's own camera is sent along. */
  offer(give) {
    this.gives = give;
    this.#enqueue(async () => {
      for (const kind of KINDS) {
        const track = give ? this.#link.media.track(kind) : null;
        const direction = give ? "sendrecv" : "recvonly";
        this.#connection.addTransceiver(track ?? kind, { direction });
      }
      await this.#describe();
    });
  }

  description(description) {
    this.#enqueue(async () => {
      const connection = this.#connection;
      if (description.type === "answer" && connection.signalingState !== "have-local-offer") return;
      await connection.setRemoteDescription(description);
      if (description.type !== "offer") return;
      this.gives = true;
      for (const transceiver of connection.getTransceivers()) {
        transceiver.direction = "sendrecv"; // what the offer does not want falls away
        await transceiver.sender.replaceTrack(this.#link.media.track(transceiver.receiver.track.kind));
      }
      await this.#describe();
    });
  }

  candidate(candidate) {
    this.#enqueue(async () => {
      const described = this.#connection.remoteDescription?.sdp ?? "";
      const user = candidate.usernameFragment;
      if (!described || (user && !described.includes(`a=ice-ufrag:${user}\r\n`))) return;
      await this.#connection.addIceCandidate(candidate).catch(() => {}); // a leftover of another
    });
  }

  /** Send the present camera and microphone; nothing where one has stopped giving. */
  renewTracks() {
    this.#enqueue(async () => {
      for (const { sender, receiver } of this.#connection.getTransceivers()) {
        const track = this.gives ? this.#link.media.track(receiver.track.kind) : null;
        if (sender.track !== track) await sender.replaceTrack(track);
      }
    });
  }

  stopGiving() {
    if (!this.gives) return;
    this.gives = false;
    this.renewTracks();
  }

  /** Hold the picture that is sent to so many bits per second. */
  async limit(maxBitrate) {
    for (const sender of this.#connection.getSenders()) {
      if (sender.track?.kind !== "video") continue;
      const parameters = sender.getParameters();
      if (!parameters.encodings?.length) continue;
      parameters.encodings[0].maxBitrate = maxBitrate;
      await sender.setParameters(parameters).catch(() => {}); // negotiated away meanwhile
    }
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#setup);
    clearTimeout(this.#broken);
    const connection = this.#connection;
    connection.ontrack = connection.onicecandidate = connection.onconnectionstatechange = null;
    connection.close();
  }

  async #describe() {
    await this.#connection.setLocalDescription();
    this.#link.send("sdp", JSON.stringify(this.#connection.localDescription));
    this.#described = true;
    for (const candidate of this.#candidates.splice(0)) {
      this.#link.send("candidate", JSON.stringify(candidate));
    }
  }

  #stateChanged() {
    const state = this.#connection.connectionState;
    clearTimeout(this.#broken);
    if (state === "connected") {
      clearTimeout(this.#setup);
      this.connectedAt ||= performance.now();
      if (this.stream.getTracks().length) this.#show();
      this.#link.connected();
    } else if (state === "failed") {
      if (this.connectedAt) this.#link.ended("The connection was lost.");
      else this.#link.failed(this.#whyNone());
    } else if (state === "disconnected") {
      this.#broken = setTimeout(() => this.#link.ended("The connection was lost."), BROKEN_MS);
    }
  }

  #show() {
    this.shows = true;
    this.#link.shown();
  }

  /** Why there is no connection, in the words that the server counts. */
  #whyNone() {
    const { remoteDescription, iceConnectionState } = this.#connection;
    if (!remoteDescription) return "timeout";
    return /^(connected|completed)$/.test(iceConnectionState) ? "dtls" : "no_route";
  }

  #enqueue(step) {
    this.#work = this.#work.then(() => this.#closed || step()).catch((error) => {
      if (this.#closed) return;
      console.warn("webcam:", error.name);
      this.#link.failed("media");
    });
  }
}
