// Who is told apart by colour and tone, and what is seen and heard of them (behind owt_page.js).
"use strict";

const CLEARLY = 20; // dB
const QUIETEST = -75; // dB of what is heard at all

// A picture of one colour; what moves at its lower edge has new frames come. A noisy one takes all
// the bits that it is given.
window.coloured = ({ colour, width, height, noisy }) => {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  let step = 0;
  setInterval(() => {
    context.fillStyle = colour;
    context.fillRect(0, 0, width, height);
    context.fillStyle = "black";
    context.fillRect((step++ * 5) % width, height * 0.95, width / 10, height * 0.05);
    for (let grain = 0; noisy && grain < 20; grain++) {
      context.fillStyle = `hsl(${Math.random() * 360} 80% 50%)`;
      context.fillRect(Math.random() * width, Math.random() * height, 8, 8);
    }
  }, 66);
  return canvas.captureStream(15).getVideoTracks()[0];
};

class MixedConference extends Conference {
  async tracks(options) {
    const { colour, hertz, loudness, devices, width, height } = options;
    if (devices) {
      const [sound, picture] = await captured(width, height);
      return [sound, colour ? coloured(options) : picture];
    }
    const audio = new AudioContext();
    const tone = audio.createOscillator();
    tone.frequency.value = hertz;
    this.voice = audio.createGain();
    this.voice.gain.value = loudness;
    const out = audio.createMediaStreamDestination();
    tone.connect(this.voice).connect(out);
    tone.start();
    return [out.stream.getAudioTracks()[0], coloured(options)];
  }

  // Resolves with milliseconds from the request to what is ready, and to the first picture that
  // shows these colours.
  async timed(media, wanted, tolerance) {
    const begun = performance.now();
    const id = await this.take(media);
    const ready = performance.now() - begun;
    const { video } = this.sessions[id];
    do {
      await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
    } while (!this.shows(id, wanted, tolerance));
    return { id, ready, shown: performance.now() - begun };
  }

  // The mean colours around these points, which are fractions of the whole picture.
  colours(id, points) {
    const { video } = this.sessions[id];
    const [width, height] = [video.videoWidth, video.videoHeight];
    if (!width) return [];
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(video, 0, 0);
    return points.map(([x, y]) => {
      const { data } = context.getImageData(Math.floor(x * width) - 2, Math.floor(y * height) - 2, 4, 4);
      const sums = [0, 0, 0];
      data.forEach((value, at) => at % 4 < 3 && (sums[at % 4] += value));
      return sums.map((sum) => Math.round(sum / 16));
    });
  }

  // Whether there are these colours: [[x, y, [red, green, blue]], ...].
  shows(id, wanted, tolerance) {
    const seen = this.colours(id, wanted);
    return (
      seen.length === wanted.length &&
      wanted.every(([, , colour], at) =>
        colour.every((value, channel) => Math.abs(value - seen[at][channel]) < tolerance),
      )
    );
  }

  // Look at every frame from now on: for the longest time without one, and for another colour.
  // A frame that is drawn while the next one replaces it may come out empty: it is read twice.
  watch(id, colour, tolerance) {
    const { video } = this.sessions[id];
    const found = (this.sessions[id].watched = { gap: 0, other: null });
    let before = performance.now();
    const look = (now) => {
      found.gap = Math.max(found.gap, now - before);
      before = now;
      const middle = [[0.5, 0.5, colour]];
      if (!this.shows(id, middle, tolerance) && !this.shows(id, middle, tolerance)) {
        found.other = this.colours(id, middle)[0];
      }
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  }

  async received(id) {
    const reports = await this.sessions[id].pc.getStats();
    const video = [...reports.values()].find(
      (each) => each.type === "inbound-rtp" && each.kind === "video",
    );
    return { ...video, mime: reports.get(video?.codecId)?.mimeType };
  }

  async codec(id) {
    return (await this.received(id)).mime;
  }

  // Resolves with the kbit/s of so many frames, some after the first ones.
  async bitrate(id, frames) {
    const after = async (decoded) => {
      for (;;) {
        const found = await this.received(id);
        if (found.framesDecoded >= decoded) return found;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    const before = await after(frames);
    const now = await after(before.framesDecoded + frames);
    return (8 * (now.bytesReceived - before.bytesReceived)) / (now.timestamp - before.timestamp);
  }

  // How loud each of these tones is by now, in dB.
  async tones(id, hertz) {
    const session = this.sessions[id];
    if (!session.analyser) {
      const audio = new AudioContext();
      session.analyser = audio.createAnalyser();
      session.analyser.fftSize = 8192;
      session.analyser.smoothingTimeConstant = 0;
      audio.createMediaStreamSource(session.video.srcObject).connect(session.analyser);
    }
    const { analyser } = session;
    const spectrum = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(spectrum);
    const bin = analyser.context.sampleRate / analyser.fftSize;
    return hertz.map((each) => {
      const at = Math.round(each / bin);
      return Math.max(...spectrum.slice(at - 2, at + 3));
    });
  }

  // Resolves once these tones were heard in so many looks without a break, and those clearly less.
  async hearsOnly(id, { heard, silent }, looks) {
    for (let good = 0; good < looks; ) {
      const levels = await this.tones(id, [...heard, ...silent]);
      this.sessions[id].levels = levels;
      const least = Math.min(...levels.slice(0, heard.length));
      const most = Math.max(QUIETEST, ...levels.slice(heard.length));
      good = least > most + CLEARLY ? good + 1 : 0;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return this.sessions[id].levels;
  }

  // What sizes and bitrates a stream could be had in, as it was announced.
  offered(stream) {
    const added = ([name, data]) =>
      name === "stream" && data.id === stream && data.status === "add";
    return this.told.find(added)[1].data.media.video.optional.parameters;
  }

  // What was told last of a part of a stream; of a layout, the streams in its regions.
  update(stream, field) {
    const about = ([name, data]) =>
      name === "stream" && data.id === stream && data.data?.field === field;
    const value = this.told.filter(about).pop()?.[1].data.value;
    return field === "video.layout" ? value?.map((place) => place.stream ?? null) : value;
  }
}

window.conference = new MixedConference();
