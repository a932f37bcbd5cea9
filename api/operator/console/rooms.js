// Rooms, what matters first; names that are closed; and one room with its people and streams.

import { button, Facts, field, made, named, settled } from "./dom.js";
import { moment, NONE, number, shownName, since } from "./format.js";
import { closeName, closeRoom, openAgain } from "./orders.js";
import { dialectChoice, peopleTable } from "./people.js";
import { streamTable } from "./streams.js";
import { Pager, Table } from "./table.js";

const PER_PAGE = 50;
const MOST_LISTED = 500;

export class RoomsView {
  title = "Rooms";

  constructor(desk) {
    this.desk = desk;
    const again = () => { this.pager.page = 1; desk.refresh(); };
    this.search = made("input", { type: "search", placeholder: "name of a room", dir: "auto" });
    this.search.addEventListener("input", settled(again));
    this.dialect = dialectChoice("", again);
    this.pager = new Pager(() => desk.refresh());
    this.table = new Table("Rooms", COLUMNS, {
      name: "rooms", key: ({ id }) => id, sort: "quality", sorted: again,
      empty: "No room is open, or none has such a name.", heading: desk.heading,
      rows: () => desk.tried(() => desk.server.all("rooms", "rooms", this.#query())),
      act: (_, room) => closeRoom(desk, { id: room.id, name: shownName(room) }),
    });
    this.closed = new Table("Closed names", CLOSED, {
      key: ({ id }) => id, sort: "until", heading: desk.heading,
      act: (_, closed) => openAgain(desk, closed),
    });
    this.closed.element.hidden = true;
    this.element = made("div", {},
      made("div", { className: "row tools" }, field("Search", this.search), field("Dialect", this.dialect),
        button("Close a name", () => closeName(desk), { className: "danger" })),
      this.table.element, this.pager.element, this.closed.element);
  }

  #query() {
    return { search: this.search.value.trim(), dialect: this.dialect.value, sort: this.table.sort, order: this.table.order };
  }

  async refresh() {
    const { server } = this.desk;
    const [found, closed] = await Promise.all([
      server.get("rooms", { ...this.#query(), page: this.pager.page, per_page: PER_PAGE }),
      server.all("closed", "closed"),
    ]);
    this.table.show(found.rooms);
    this.pager.show(found.total, PER_PAGE);
    this.closed.show(closed);
    this.closed.element.hidden = !closed.length;
  }
}

const COLUMNS = [
  { label: "Room", sort: "name", main: true, roomy: true, cell: (room) => ({ text: shownName(room), href: `#rooms/${room.id}` }) },
  { label: "Quality", sort: "quality", cell: ({ quality }) => ({ text: quality ?? NONE, rating: quality }) },
  { label: "People", sort: "people", first: "desc", number: true, cell: ({ people }) => number(people) },
  { label: "Streams", sort: "streams", first: "desc", number: true, wide: true, cell: ({ streams }) => number(streams) },
  { label: "Dialect", wide: true, cell: ({ dialect }) => dialect },
  { label: "Lock", wide: true, cell: ({ locked }) => (locked ? "locked" : "") },
  { label: "Recordings", number: true, wide: true, cell: ({ recordings }) => (recordings ? number(recordings) : "") },
  { label: "Open for", sort: "since", number: true, wide: true, cell: (room) => ({ text: since(room.since), title: moment(room.since) }) },
  { label: "", cell: (room) => ({ buttons: [["Close", `Close ${shownName(room)}`, "close"]] }) },
];

const CLOSED = [
  { label: "Name", main: true, sort: "name", value: ({ name }) => name, cell: ({ name }) => ({ text: name, name: true }) },
  { label: "Realm", wide: true, cell: ({ realm }) => realm },
  { label: "Until", sort: "until", value: ({ until }) => until, cell: ({ until }) => moment(until) },
  { label: "Reason", wide: true, cell: ({ reason }) => ({ text: reason || NONE, name: true }) },
  { label: "By", wide: true, cell: ({ by }) => ({ text: by || NONE, name: true }) },
  { label: "", cell: ({ name }) => ({ buttons: [["Open again", `Open again: ${name}`, "open"]] }) },
];

export class RoomView {
  title = "Room";

  constructor(desk, { id }) {
    this.desk = desk;
    this.id = id;
    this.facts = new Facts();
    this.close = button("Close room", () => closeRoom(desk, { id, name: shownName(this.room) }), { className: "danger" });
    this.people = peopleTable(desk, { name: "people", rooms: false });
    this.streams = streamTable(desk, `rooms/${id}`, ({ person }) => this.members.get(person) ?? null, { owners: true });
    this.members = new Map();
    this.site = made("section", { className: "lists", "aria-label": "Chat site", hidden: true });
    this.more = made("p", { className: "hint", hidden: true });
    this.element = made("div", {}, this.facts.element, made("div", { className: "row tools" }, this.close),
      this.people.element, this.more, this.streams.element, this.site);
  }

  async refresh() {
    const room = this.room = await this.desk.server.get(`rooms/${this.id}`);
    this.desk.rename(shownName(room));
    this.members = new Map(room.members.map((member) => [member.id, member]));
    this.facts.show([
      ["Dialect", room.dialect], ["Type", room.type], ["Realm", room.realm],
      ["People", number(room.people)], ["Quality", room.quality],
      ["Lock", room.locked ? "locked" : "open to all"], ["Recordings", number(room.recordings)],
      ["Open since", moment(room.since)],
      ["Log", { href: `#log?${new URLSearchParams({ room: room.name })}`, text: "what happened here" }],
      ["Actor", { href: `#actors?${new URLSearchParams({ find: room.path })}`, text: "its place in the tree" }],
    ]);
    this.people.show(room.members);
    this.streams.show(room.stream_list);
    this.more.hidden = room.people <= room.members.length;
    this.more.replaceChildren(`${number(room.people - room.members.length)} more: `,
      made("a", { href: `#people?${new URLSearchParams({ room: room.id })}`, textContent: "all people of this room" }));
    await this.#showSite(room);
  }

  /** Of a chat site: who shows a webcam, and who is banned. Other rooms are no site. */
  async #showSite({ realm, name, dialect }) {
    if (dialect !== "barertc") return;
    const site = await this.desk.server.get("people", { realm, name }).catch((error) => {
      if (error.status === 404 || error.status === 503) return null;
      throw error;
    });
    this.site.hidden = !site;
    if (!site) return;
    const words = ({ name: who, status, operator, vip, guest }) => [
      who, guest && "guest", operator && "operator", vip && "VIP", status !== "online" && status,
    ].filter(Boolean).join(" · ");
    const live = site.people.filter(({ webcam }) => webcam);
    this.site.replaceChildren(
      listed("People", site.people.map(words)),
      listed("Webcams", live.map(({ name: who, explicit }) => (explicit ? `${who} · explicit` : who))),
      listed("Bans", site.bans.map(({ name: who, until }) => `${who} · until ${moment(until)}`)),
    );
  }
}

function listed(name, lines) {
  const items = lines.slice(0, MOST_LISTED).map((text) => made("li", {}, named(text)));
  return made("div", {}, made("h3", { textContent: `${name}: ${lines.length}` }), made("ul", {}, ...items));
}
