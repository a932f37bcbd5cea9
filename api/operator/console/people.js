// People of all rooms, worst connection first; and one person with the streams.

import { button, Facts, field, made, settled } from "./dom.js";
import { bits, milliseconds, moment, NONE, number, percent, shownName, since } from "./format.js";
import { putOut } from "./orders.js";
import { streamTable } from "./streams.js";
import { Pager, Table } from "./table.js";

const PER_PAGE = 50;
const DIALECTS = ["spreed", "owt", "barertc", "auvious", "peerjs", "skyway"];
const WORST_FIRST = { bad: 1, fair: 2, good: 3 };

/** The room that somebody is in, as views of rooms call it. */
const roomOf = ({ room, room_name: name, room_title: title }) => shownName({ id: room, name, title });

const rating = ({ quality }) => quality?.rating ?? null;

/** A choice of dialects, all at first. */
export function dialectChoice(value, changed) {
  const choice = made("select", {}, made("option", { value: "", textContent: "all" }),
    ...DIALECTS.map((name) => made("option", { value: name, textContent: name })));
  choice.value = value ?? "";
  choice.addEventListener("change", changed);
  return choice;
}

/** A table of people; with `sorted` it is the server that sorts. */
export function peopleTable(desk, { name, rooms, ...options }) {
  const columns = [
    { label: "Person", main: true, sort: "name", value: (one) => one.name, cell: (one) => ({ text: one.name || one.peer, href: `#people/${one.id}` }) },
    { label: "Quality", sort: "quality", value: (one) => WORST_FIRST[rating(one)] ?? 4, cell: (one) => ({ text: one.away ? "away" : rating(one) ?? NONE, rating: one.away ? null : rating(one) }) },
    rooms && { label: "Room", sort: "room", wide: true, value: roomOf, cell: (one) => (one.room ? { text: roomOf(one), href: `#rooms/${one.room}` } : NONE) },
    { label: "Loss", number: true, wide: true, cell: ({ quality }) => percent(quality?.loss) },
    { label: "Round trip", number: true, wide: true, cell: ({ quality }) => milliseconds(quality?.round_trip) },
    { label: "Streams", number: true, wide: true, cell: ({ streams }) => number(streams) },
    { label: "Address", wide: true, cell: ({ address }) => address ?? NONE },
    { label: "Device", wide: true, cell: ({ device }) => ({ text: device || NONE, name: true }) },
    { label: "Here for", sort: "since", number: true, wide: true, value: (one) => one.since, cell: (one) => ({ text: since(one.since), title: moment(one.since) }) },
    { label: "", cell: (one) => ({ buttons: [["Put out", `Put out: ${one.name || one.peer}`, "put-out"]] }) },
  ].filter(Boolean);
  return new Table("People", columns, {
    name, key: ({ id }) => id, sort: "quality", empty: "Nobody is here.",
    heading: desk.heading, act: (_, person) => putOut(desk, person), ...options,
  });
}

export class PeopleView {
  title = "People";

  constructor(desk, { room = "", peer = "", search = "" }) {
    this.desk = desk;
    this.room = room;
    const again = () => { this.pager.page = 1; desk.refresh(); };
    this.search = made("input", { type: "search", placeholder: "name of a person", dir: "auto", value: search });
    this.peer = made("input", { type: "search", placeholder: "as in the log", value: peer });
    for (const input of [this.search, this.peer]) input.addEventListener("input", settled(again));
    this.dialect = dialectChoice("", again);
    this.pager = new Pager(() => desk.refresh());
    this.table = peopleTable(desk, {
      name: "people", rooms: true, sorted: again,
      rows: () => desk.tried(() => desk.server.all("people", "people", this.#query())),
    });
    this.element = made("div", {},
      made("div", { className: "row tools" }, field("Search", this.search), field("Id", this.peer),
        field("Dialect", this.dialect)),
      room ? made("p", { className: "hint" }, "Those of one room. ", made("a", { href: "#people", textContent: "Show all" })) : null,
      this.table.element, this.pager.element);
  }

  #query() {
    return {
      room: this.room, search: this.search.value.trim(), peer: this.peer.value.trim(),
      dialect: this.dialect.value, sort: this.table.sort, order: this.table.order,
    };
  }

  async refresh() {
    const found = await this.desk.server.get("people",
      { ...this.#query(), page: this.pager.page, per_page: PER_PAGE });
    this.table.show(found.people);
    this.pager.show(found.total, PER_PAGE);
  }
}

export class PersonView {
  title = "Person";

  constructor(desk, { id }) {
    this.desk = desk;
    this.id = id;
    this.facts = new Facts();
    const out = button("Put out", () => putOut(desk, this.person), { className: "danger" });
    this.streams = streamTable(desk, `people/${id}`, () => this.person, { owners: false });
    this.element = made("div", {}, this.facts.element, made("div", { className: "row tools" }, out), this.streams.element);
  }

  async refresh() {
    const person = this.person = await this.desk.server.get(`people/${this.id}`);
    const quality = person.quality ?? {};
    this.desk.rename(person.name || person.peer);
    this.facts.show([
      ["Room", person.room ? { href: `#rooms/${person.room}`, text: roomOf(person) } : "none"],
      ["Dialect", person.dialect], ["User", person.user || "no login"], ["Id", person.peer],
      ["Address", person.address ?? "not kept (log.addresses)"], ["Device", person.device || "not known"],
      ["Here since", moment(person.since)], ["Away", person.away ? "yes, the connection is gone" : null],
      ["Quality", quality.rating ?? "not known yet"],
      ["Loss", quality.rating && percent(quality.loss)],
      ["Round trip", quality.rating && milliseconds(quality.round_trip)],
      ["Jitter", quality.rating && milliseconds(quality.jitter)],
      ["Bitrate", quality.rating && `${bits(quality.bits_in)} in, ${bits(quality.bits_out)} out`],
      ["Connections", quality.connections], ["Told", quality.at && `${since(quality.at)} ago`],
      ["Log", { href: `#log?${new URLSearchParams({ peer: person.peer })}`, text: "what happened to this person" }],
    ]);
    this.streams.show(person.stream_list);
  }
}
