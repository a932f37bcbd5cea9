// Recordings: what there is, download, delete.

import { made } from "./dom.js";
import { age, bytes, moment, NONE } from "./format.js";
import { deleteRecording } from "./orders.js";
import { save } from "./export.js";
import { Pager, Table } from "./table.js";

const PER_PAGE = 50;

export class RecordingsView {
  title = "Recordings";

  constructor(desk) {
    this.desk = desk;
    this.pager = new Pager(() => desk.refresh());
    this.table = new Table("Recordings", COLUMNS, {
      name: "recordings", key: ({ id }) => id, sort: "since", order: "desc", heading: desk.heading,
      sorted: () => { this.pager.page = 1; desk.refresh(); },
      empty: "There is no recording.", act: (action, recording) => this.#act(action, recording),
      rows: () => desk.tried(() => desk.server.all("recordings", "recordings", this.#query())),
    });
    this.element = made("div", {}, this.table.element, this.pager.element);
  }

  #query() {
    return { sort: this.table.sort, order: this.table.order };
  }

  async refresh() {
    const found = await this.desk.server.get("recordings",
      { ...this.#query(), page: this.pager.page, per_page: PER_PAGE });
    this.table.show(found.recordings);
    this.pager.show(found.total, PER_PAGE);
  }

  async #act(action, recording) {
    if (action === "delete") return deleteRecording(this.desk, recording);
    this.desk.tell(`Downloading ${recording.id}`);
    const file = await this.desk.tried(async () => (
      await this.desk.server.ask(`recordings/${encodeURIComponent(recording.id)}/file`)).blob());
    if (!file) return undefined;
    save(recording.file ?? recording.id, file);
    return this.desk.tell(`Downloaded ${recording.id}`);
  }
}

const RUNNING = "recording";

const COLUMNS = [
  { label: "Recording", main: true, cell: ({ id }) => ({ text: id, name: true }) },
  { label: "State", cell: ({ state }) => state },
  { label: "Room", wide: true, cell: ({ room }) => (room ? { text: "its room", href: `#rooms/${room}` } : NONE) },
  { label: "Begun", sort: "since", first: "desc", wide: true, cell: (one) => moment(one.since) },
  { label: "Ended", wide: true, cell: ({ until }) => moment(until) },
  { label: "Length", wide: true, number: true, cell: ({ seconds }) => age(seconds) },
  { label: "Size", sort: "bytes", first: "desc", number: true, cell: (one) => bytes(one.bytes) },
  { label: "Kind", wide: true, cell: ({ container }) => container },
  {
    label: "",
    cell: ({ id, state }) => ({ buttons: state === RUNNING ? [] : [
      ["Download", `Download ${id}`, "download"], ["Delete", `Delete ${id}`, "delete"],
    ] }),
  },
];
