// Peers without a browser, as the SkyWay gateway has them: their connections and UDP sockets.

const MOST_ROWS = 200;
const REASONS = { nowhere: "nowhere to go", held_up: "held up", too_large: "too large", malformed: "malformed", unsent: "unsent" };
const NONE = "–";

/** Tables of all devices in a list of actors; none where there are none. */
export function devices(actors) {
  const of = (kind) => actors.filter((actor) => actor.kind === kind);
  const peers = of("device_peer");
  const sockets = of("udp_socket");
  if (!peers.length && !sockets.length) return [];
  const title = document.createElement("h2");
  title.textContent = "Devices";
  return [
    title,
    table("Peers", ["Peer", "Realm", "Reachable", "#Connections", "#Refused offers"], peers.map(peer)),
    table("Data connections",
      ["Connection", "Peer", "Remote", "State", "#In", "#Out", "Dropped"],
      of("data_connection").map(dataConnection)),
    table("Media connections",
      ["Connection", "Peer", "Remote", "State", "Medium", "#In", "#Out", "#Foreign", "#Redirect port"],
      of("media_connection").flatMap(mediaConnection)),
    table("UDP sockets",
      ["Socket", "Kind", "#Port", "#Users", "#Packets", "#Bytes", "#Strangers", "#Foreign"],
      sockets.map(udpSocket)),
  ];
}

/** Realm and id of the member whose actor this is, or whose child. */
function member(path) {
  return path.split("/")[3].split(":").map(decodeURIComponent);
}

const nameOf = ({ path }) => path.split("/").at(-1);
const number = (value) => (value ?? 0).toLocaleString("en");
const alarm = (text, wrong) => ({ text, bad: Boolean(wrong) });

function bytes(count) {
  if (!(count >= 1024)) return `${count ?? 0} B`;
  const power = Math.min(4, Math.floor(Math.log2(count) / 10));
  return `${(count / 1024 ** power).toFixed(1)} ${["", "KiB", "MiB", "GiB", "TiB"][power]}`;
}

function peer({ path, facts }) {
  const [realm, id] = member(path);
  return [
    id, realm, alarm(facts.reachable ? "yes" : "no", !facts.reachable), facts.connections,
    alarm(facts.refused_offers, facts.refused_offers),
  ];
}

function beginning(actor) {
  const { open, state, remote } = actor.facts;
  return [nameOf(actor), member(actor.path)[1], remote, open ? "open" : state];
}

function dataConnection(actor) {
  const relay = actor.facts.relay ?? {};
  const dropped = Object.entries(REASONS).filter(([name]) => relay[name])
    .map(([name, words]) => `${number(relay[name])} ${words}`).join(", ");
  return [
    ...beginning(actor),
    `${number(relay.messages_in)} · ${bytes(relay.bytes_in)}`,
    `${number(relay.messages_out)} · ${bytes(relay.bytes_out)}`,
    alarm(dropped || "0", dropped),
  ];
}

function mediaConnection(actor) {
  const flow = (way) => (way
    ? `${number(way.packets)} · ${bytes(way.bytes)} · ${number(Math.round(way.bitrate / 1000))} kbit/s`
    : NONE);
  const media = actor.facts.media ?? [];
  if (!media.length) return [[...beginning(actor), NONE, NONE, NONE, NONE, NONE]];
  return media.map((medium) => [
    ...beginning(actor), `${medium.kind}, ${medium.codec}`, flow(medium.in), flow(medium.out),
    alarm(number(medium.foreign), medium.foreign), medium.redirect_port ?? NONE,
  ]);
}

function udpSocket(actor) {
  const { use, port, users, packets, bytes: taken, strangers, foreign } = actor.facts;
  return [
    nameOf(actor), use, port, users, number(packets), bytes(taken),
    alarm(number(strangers), strangers), foreign === undefined ? NONE : alarm(number(foreign), foreign),
  ];
}

/** A table with a heading. Columns that begin with # hold numbers. */
function table(name, columns, rows) {
  const made = (tag, properties = {}) => Object.assign(document.createElement(tag), properties);
  const id = `devices-${name.toLowerCase().replaceAll(" ", "-")}`;
  const kind = (column) => (columns[column].startsWith("#") ? "number" : "");
  const head = made("tr");
  head.append(...columns.map((text, column) => made("th", {
    scope: "col", className: kind(column), textContent: text.replace("#", ""),
  })));
  const body = made("tbody");
  body.append(...rows.slice(0, MOST_ROWS).map((cells) => {
    const line = made("tr");
    line.append(...cells.map((cell, column) => made("td", {
      textContent: cell?.text ?? cell ?? "", className: `${kind(column)}${cell?.bad ? " bad" : ""}`,
    })));
    return line;
  }));
  const [grid, top, scroll, box] = [made("table"), made("thead"), made("div"), made("section")];
  top.append(head);
  grid.append(top, body);
  grid.setAttribute("aria-labelledby", id);
  scroll.className = "scroll";
  scroll.append(grid);
  box.append(made("h3", { id, textContent: `${name}: ${rows.length}` }));
  if (rows.length) box.append(scroll);
  if (rows.length > MOST_ROWS) {
    box.append(made("p", { className: "hint", textContent: `${rows.length - MOST_ROWS} more.` }));
  }
  return box;
}
