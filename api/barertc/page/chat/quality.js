/** How well webcams come through: measured every ten seconds, rated as the server rates it. */

const EVERY_MS = 10_000;
const NOTHING = { lost: 0, received: 0, bytesIn: 0, bytesOut: 0 };

/** "good", "fair" or "bad", by the lost share of packets (0 to 1) and the round trip in seconds. */
export function rate({ loss = 0, roundTrip = 0 }) {
  if (loss > 0.1 || roundTrip > 0.5) return "bad";
  return loss > 0.03 || roundTrip > 0.25 ? "fair" : "good";
}

/** Say a measurement in words, as a title. */
export function inWords({ rating, loss, roundTrip }) {
  const facts = [];
  if (loss !== undefined) facts.push(`${Math.round(loss * 100)} % lost`);
  if (roundTrip !== undefined) facts.push(`${Math.round(roundTrip * 1000)} ms there and back`);
  const words = `Connection: ${rating}`;
  return facts.length ? `${words} (${facts.join(", ")})` : words;
}

/** What has been counted of a connection since it was made, and what is measured at this moment. */
function countersOf(stats) {
  const now = { ...NOTHING, shares: [], trips: [], reported: [], jitters: [] };
  for (const one of stats.values()) {
    if (one.type === "inbound-rtp") {
      now.lost += one.packetsLost ?? 0;
      now.received += one.packetsReceived ?? 0;
      now.bytesIn += one.bytesReceived ?? 0;
      if (one.jitter !== undefined) now.jitters.push(one.jitter);
    } else if (one.type === "outbound-rtp") now.bytesOut += one.bytesSent ?? 0;
    else if (one.type === "remote-inbound-rtp") {
      if (one.fractionLost !== undefined) now.shares.push(one.fractionLost);
      if (one.roundTripTime !== undefined) now.reported.push(one.roundTripTime);
    } else if (one.type === "candidate-pair" && one.nominated && one.currentRoundTripTime !== undefined) {
      now.trips.push(one.currentRoundTripTime);
    }
  }
  return now;
}

const worst = (values) => (values.length ? Math.max(...values) : undefined);
const present = (values) => values.filter((value) => value !== undefined);

/** What happened between two looks at a connection, `seconds` apart; unknown values are undefined. */
function between(before, now, seconds) {
  const lost = Math.max(0, now.lost - before.lost);
  const sent = lost + now.received - before.received;
  const loss = worst([...now.shares, ...(sent > 0 ? [lost / sent] : [])]);
  const bits = (from, to) => Math.max(0, Math.round(((to - from) * 8) / seconds));
  return {
    loss,
    roundTrip: worst(now.trips) ?? worst(now.reported),
    jitter: worst(now.jitters),
    bitsIn: bits(before.bytesIn, now.bytesIn),
    bitsOut: bits(before.bytesOut, now.bytesOut),
  };
}

/**
 * `calls()` gives [name, Call] of each connection; `measured(summary, ratings)` gets the summary for
 * the server, or null where there is no connection, and what each name's worst connection is like.
 */
export class QualityMeter {
  #handlers;
  #before = new WeakMap();

  constructor(handlers) {
    this.#handlers = handlers;
    setInterval(() => this.#measure(), EVERY_MS);
  }

  async #measure() {
    const found = [];
    for (const [name, call] of this.#handlers.calls()) {
      const now = countersOf(await call.getStats());
      const at = performance.now();
      const { counters, since } = this.#before.get(call) ?? { counters: NOTHING, since: call.connectedAt };
      this.#before.set(call, { counters: now, since: at });
      if (at > since) found.push([name, between(counters, now, (at - since) / 1000)]);
    }
    const ratings = new Map();
    for (const [name, measured] of found) {
      const other = ratings.get(name);
      const loss = worst(present([measured.loss, other?.loss]));
      const roundTrip = worst(present([measured.roundTrip, other?.roundTrip]));
      ratings.set(name, { loss, roundTrip, rating: rate({ loss, roundTrip }) });
    }
    this.#handlers.measured(found.length ? summed(found.map(([, one]) => one)) : null, ratings);
  }
}

/** One summary of all connections: the worst of what hurts, the sum of what flows. */
function summed(all) {
  const of = (key) => present(all.map((one) => one[key]));
  const sum = (key) => of(key).reduce((total, value) => total + value, 0);
  return {
    loss: worst(of("loss")),
    roundTrip: worst(of("roundTrip")),
    jitter: worst(of("jitter")),
    bitsIn: sum("bitsIn"),
    bitsOut: sum("bitsOut"),
    connections: all.length,
  };
}
