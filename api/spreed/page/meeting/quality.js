/**
 * How well connections do: figures of getStats between two looks, rated as the server rates them.
 * A rating holds for whoever is above one of its bounds: a fraction lost, seconds there and back.
 */

const BOUNDS = [
  { rating: "bad", loss: 0.1, roundTrip: 0.5 },
  { rating: "fair", loss: 0.03, roundTrip: 0.25 },
];
const WORDS = { good: "Good connection", fair: "Fair connection", bad: "Bad connection" };

export const rate = ({ loss, roundTrip }) =>
  BOUNDS.find((bound) => loss > bound.loss || roundTrip > bound.roundTrip)?.rating ?? "good";

/** A rating with its figures, for people. */
export function inWords({ rating, loss, roundTrip }) {
  const figures = [];
  if (loss !== null) figures.push(`${(100 * loss).toFixed(loss < 0.1 ? 1 : 0)} % lost`);
  if (roundTrip !== null) figures.push(`${Math.round(1_000 * roundTrip)} ms there and back`);
  return [WORDS[rating], figures.join(", ")].filter(Boolean).join(": ");
}

/** Looks at one connection from time to time. */
export class Gauge {
  #connection;
  #last = { at: 0, lost: 0, received: 0, bytesIn: 0, bytesOut: 0 };

  constructor(connection) {
    this.#connection = connection;
  }

  /**
   * What happened since the last look: packets `lost` and `received`, `bitsIn` and `bitsOut` per
   * second, `loss` as a fraction, `roundTrip` and `jitter` in seconds; null where nothing is known.
   */
  async look() {
    const total = sum([...(await this.#connection.getStats()).values()]);
    const last = this.#last;
    this.#last = total;
    const seconds = last.at ? (total.at - last.at) / 1_000 : 0;
    const since = (key) => Math.max(0, total[key] - last[key]);
    const rate = (key) => (seconds > 0 ? Math.round((8 * since(key)) / seconds) : null);
    const [lost, received] = [since("lost"), since("received")];
    const loss = lost + received ? lost / (lost + received) : null;
    const { roundTrip, jitter } = total;
    const [bitsIn, bitsOut] = [rate("bytesIn"), rate("bytesOut")];
    return { lost, received, loss, roundTrip, jitter, bitsIn, bitsOut };
  }
}

/** Totals over the reports of one connection. */
function sum(reports) {
  const of = (type) => reports.filter((report) => report.type === type);
  const add = (list, key) => list.reduce((total, report) => total + (report[key] ?? 0), 0);
  const inbound = of("inbound-rtp");
  const selected = new Set(of("transport").map((transport) => transport.selectedCandidatePairId));
  const pairs = of("candidate-pair").filter(({ id, selected: chosen }) => chosen || selected.has(id));
  return {
    at: inbound[0]?.timestamp ?? pairs[0]?.timestamp ?? 0,
    lost: add(inbound, "packetsLost"),
    received: add(inbound, "packetsReceived"),
    bytesIn: add(pairs, "bytesReceived"),
    bytesOut: add(pairs, "bytesSent"),
    roundTrip: pairs[0]?.currentRoundTripTime ?? null,
    jitter: median(inbound.map(({ jitter }) => jitter)),
  };
}

/** What a person's connections do together, as the server is told it; null without any. */
export function summary(looks) {
  if (!looks.length) return null;
  const all = (key) => looks.map((look) => look[key]);
  const total = (key) => all(key).reduce((sum, value) => sum + (value ?? 0), 0);
  const packets = total("lost") + total("received");
  return {
    loss: packets ? total("lost") / packets : null,
    roundTrip: median(all("roundTrip")),
    jitter: median(all("jitter")),
    bitsIn: total("bitsIn"),
    bitsOut: total("bitsOut"),
    connections: looks.length,
  };
}

/** The middle one: a single bad connection of many is not this person's fault. */
function median(values) {
  const known = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  return known.length ? known[Math.floor((known.length - 1) / 2)] : null;
}
