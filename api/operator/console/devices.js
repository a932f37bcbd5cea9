// Peers without a browser, as the SkyWay gateway has them: their connections and UDP sockets.

import { made } from "./dom.js";
import { bits, bytes, NONE, number, readable } from "./format.js";
import { Table } from "./table.js";

const MOST = 500; // of each kind
const REASONS = { nowhere: "nowhere to go", held_up: "held up", too_large: "too large", malformed: "malformed", unsent: "unsent" };

export class DevicesView {
  title = "Devices";

  constructor(desk) {
    this.desk = desk;
    this.tables = KINDS.map((kind) => ({ ...kind, table: deviceTable(kind) }));
    this.none = made("p", { className: "hint", textContent: "No peer of the SkyWay gateway is here.", hidden: true });
    this.element = made("div", {}, this.none, ...this.tables.map(({ table }) => table.element));
  }

  async refresh() {
    const { server } = this.desk;
    const lists = await Promise.all(this.tables.map(({ kind }) => (
      server.all("actors", "actors", { kind }, MOST))));
    this.none.hidden = lists.some((actors) => actors.length);
    this.tables.forEach(({ name, rows, table }, at) => {
      const found = lists[at].flatMap(rows);
      table.show(found);
      table.caption.textContent = `${name}: ${found.length}`;
      table.element.hidden = this.none.hidden === false;
    });
  }
}

/** Realm and id of the member whose actor this is, or whose child. */
function member(path) {
  return path.split("/")[3].split(":").map(readable);
}

const nameOf = ({ path }) => path.split("/").at(-1);
const alarm = (text, wrong) => ({ text: String(text), bad: Boolean(wrong) });
const count = (value) => number(value ?? 0);

function peer({ path, facts }) {
  const [realm, id] = member(path);
  return [{ path, cells: [
    id, realm, alarm(facts.reachable ? "yes" : "no", !facts.reachable), count(facts.connections),
    alarm(facts.refused_offers ?? 0, facts.refused_offers),
  ] }];
}

function beginning(actor) {
  const { open, state, remote } = actor.facts;
  return [nameOf(actor), member(actor.path)[1], remote ?? NONE, open ? "open" : state];
}

function dataConnection(actor) {
  const relay = actor.facts.relay ?? {};
  const dropped = Object.entries(REASONS).filter(([name]) => relay[name])
    .map(([name, words]) => `${count(relay[name])} ${words}`).join(", ");
  return [{ path: actor.path, cells: [
    ...beginning(actor),
    `${count(relay.messages_in)} · ${bytes(relay.bytes_in ?? 0)}`,
    `${count(relay.messages_out)} · ${bytes(relay.bytes_out ?? 0)}`,
    alarm(dropped || "0", dropped),
  ] }];
}

function mediaConnection(actor) {
  const flow = (way) => (way
    ? `${count(way.packets)} · ${bytes(way.bytes)} · ${bits(way.bitrate)}` : NONE);
  const media = actor.facts.media ?? [];
  if (!media.length) return [{ path: actor.path, cells: [...beginning(actor), NONE, NONE, NONE, NONE, NONE] }];
  return media.map((medium) => ({ path: `${actor.path} ${medium.kind}`, cells: [
    ...beginning(actor), `${medium.kind}, ${medium.codec}`, flow(medium.in), flow(medium.out),
    alarm(count(medium.foreign), medium.foreign), medium.redirect_port ?? NONE,
  ] }));
}

function udpSocket({ path, facts }) {
  const { use, port, users, packets, bytes: taken, strangers, foreign } = facts;
  return [{ path, cells: [
    nameOf({ path }), use, port, users, count(packets), bytes(taken ?? 0),
    alarm(count(strangers), strangers), foreign === undefined ? NONE : alarm(count(foreign), foreign),
  ] }];
}

/** Columns that begin with # hold numbers. */
const KINDS = [
  {
    kind: "device_peer", name: "Peers", rows: peer,
    columns: ["Peer", "Realm", "Reachable", "#Connections", "#Refused offers"],
  },
  {
    kind: "data_connection", name: "Data connections", rows: dataConnection,
    columns: ["Connection", "Peer", "Remote", "State", "#In", "#Out", "Dropped"],
  },
  {
    kind: "media_connection", name: "Media connections", rows: mediaConnection,
    columns: ["Connection", "Peer", "Remote", "State", "Medium", "#In", "#Out", "#Foreign", "#Redirect port"],
  },
  {
    kind: "udp_socket", name: "UDP sockets", rows: udpSocket,
    columns: ["Socket", "Kind", "#Port", "#Users", "#Packets", "#Bytes", "#Strangers", "#Foreign"],
  },
];

function deviceTable({ name, columns }) {
  return new Table(name, columns.map((label, at) => ({
    label: label.replace("#", ""), number: label.startsWith("#"), main: at === 0,
    cell: ({ cells }) => cells[at],
  })), { key: ({ path }) => path });
}
