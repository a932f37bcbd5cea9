// The last half hour of the server, kept in this tab: a sample every five seconds, and its line.

const KEPT = "quintet.operator.history";
const LONGEST = 1800; // seconds
const GAP = 20; // seconds without a sample: the line is broken there
const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [120, 28];

/** What is known of a summary, beside the one before it. */
export function sample(summary, before, at) {
  const sum = (counts) => Object.values(counts ?? {}).reduce((one, other) => one + other, 0);
  const passed = before && at - before.at;
  const alive = before && before.since === summary.since && passed > 0 && passed < 60;
  return {
    at,
    since: summary.since,
    cpuSeconds: summary.cpu_seconds,
    rooms: sum(summary.rooms),
    people: sum(summary.people),
    streams: summary.streams,
    in: summary.bits_per_second?.in ?? null,
    out: summary.bits_per_second?.out ?? null,
    loss: summary.loss,
    cpu: alive ? Math.max(0, summary.cpu_seconds - before.cpuSeconds) / passed : null,
    hold: summary.loop?.longest_hold_seconds ?? null,
  };
}

export class History {
  constructor() {
    this.samples = [];
    try {
      const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
      if (Array.isArray(kept)) this.samples = kept.filter(({ at }) => at > 0);
    } catch {
      // it was not ours: begin anew
    }
    window.addEventListener("pagehide", () => {
      if (this.samples.length) sessionStorage.setItem(KEPT, JSON.stringify(this.samples));
    });
  }

  add(summary) {
    const at = Date.now() / 1000;
    this.samples.push(sample(summary, this.samples.at(-1), at));
    this.samples = this.samples.filter((one) => one.at > at - LONGEST && one.at <= at);
    return this.samples.at(-1);
  }

  forget() {
    this.samples = [];
    sessionStorage.removeItem(KEPT);
  }

  /** The line of one figure; `shown` says a value in words. */
  line(name, label, shown) {
    const known = this.samples.filter((one) => one[name] !== null && one[name] !== undefined);
    const picture = document.createElementNS(SVG, "svg");
    picture.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    picture.setAttribute("preserveAspectRatio", "none");
    picture.setAttribute("role", "img");
    const values = known.map((one) => one[name]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    picture.setAttribute("aria-label", known.length
      ? `${label}, last 30 minutes: from ${shown(low)} to ${shown(high)}` : `${label}: not known yet`);
    const line = document.createElementNS(SVG, "path");
    line.setAttribute("d", path(known, name, high));
    picture.append(line);
    return picture;
  }
}

/** From right, which is now, to left, half an hour ago; from zero to the highest value. */
export function path(known, name, high) {
  const now = known.at(-1)?.at ?? 0;
  let last = -Infinity;
  return known.map((one) => {
    const x = WIDTH - ((now - one.at) / LONGEST) * WIDTH;
    const y = HEIGHT - 2 - (high > 0 ? one[name] / high : 0) * (HEIGHT - 4);
    const broken = one.at - last > GAP;
    last = one.at;
    const to = `${x.toFixed(1)} ${y.toFixed(1)}`;
    return broken ? `M${to}h.1` : `L${to}`;
  }).join("");
}
