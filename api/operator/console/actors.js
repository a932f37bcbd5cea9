// The tree of actors, one level at a time: what is not opened is not asked for.

import { field, made, settled } from "./dom.js";
import { age, number, readable } from "./format.js";
import { stopActor } from "./orders.js";
import { Pager, Table } from "./table.js";

const PER_PAGE = 100;
const MOST_ROWS = 1000;
const MiB = 1048576;

export class ActorsView {
  title = "Actors";

  constructor(desk, { find = "" }) {
    this.desk = desk;
    this.open = new Set(["/"]);
    this.process = made("p", { className: "hint" });
    this.find = made("input", { type: "search", placeholder: "/conferencing, or room", value: find });
    this.find.addEventListener("input", settled(() => {
      this.pager.page = 1;
      desk.refresh();
    }));
    this.pager = new Pager(() => desk.refresh());
    this.more = made("p", { className: "hint" });
    this.table = new Table("Actors", COLUMNS, {
      name: "actors", key: ({ path }) => path, heading: desk.heading,
      empty: "No actor of that path or kind lives.", act: (action, actor) => this.#act(action, actor),
    });
    this.element = made("div", {}, this.process,
      made("div", { className: "row tools" }, field("Path or kind", this.find)),
      this.table.element, this.more, this.pager.element);
  }

  async refresh() {
    const wanted = this.find.value.trim();
    const rows = wanted && !wanted.startsWith("/") ? await this.#ofKind(wanted) : await this.#below(wanted || "/");
    if (rows) this.table.show(rows.slice(0, MOST_ROWS));
    this.more.textContent = rows?.length > MOST_ROWS ? `${rows.length - MOST_ROWS} more; name a path or a kind to see them.` : "";
    await this.#showProcess();
  }

  async #ofKind(kind) {
    const found = await this.desk.server.get("actors", { kind, page: this.pager.page, per_page: PER_PAGE });
    this.pager.show(found.total, PER_PAGE);
    return found.actors.map((actor) => ({ ...actor, indent: 0, below: 0 }));
  }

  /** The actor of a path and, below each one that is open, its children. */
  async #below(top) {
    this.pager.show(0, PER_PAGE);
    const shown = [];
    const descend = async (path, indent) => {
      const actor = await this.desk.server.get("actors", { path, depth: 1 }).catch((error) => {
        if (error.status === 404) return null; // it has just ended
        throw error;
      });
      if (!actor) return;
      shown.push({ ...actor, indent, opened: true, top: !indent });
      for (const child of actor.children) {
        if (this.open.has(child.path)) await descend(child.path, indent + 1);
        else shown.push({ ...child, indent: indent + 1, opened: false });
      }
    };
    await descend(top, 0);
    return shown;
  }

  #act(action, actor) {
    if (action === "stop") return stopActor(this.desk, actor.path, readable(actor.path));
    if (actor.opened) this.open.delete(actor.path);
    else this.open.add(actor.path);
    return this.desk.refresh();
  }

  /** What the process takes; the metrics cost the server more than a look at its summary. */
  async #showProcess() {
    const metrics = await this.desk.server.metrics();
    const of = (name) => metrics.get(name) ?? 0;
    this.process.textContent = [
      `${number(of("quintet_websockets"))} websockets`, `${number(of("quintet_connections"))} connections`,
      `${number(of("quintet_actors"))} actors`, `${number(of("quintet_actor_crashes_total"))} crashes`,
      `${number(of("quintet_actor_mailbox_full_total"))} times a mailbox was full`,
      `${(of("process_resident_memory_bytes") / MiB).toFixed(0)} MiB of memory`,
    ].join(" · ");
  }
}

const fault = ({ last_error: error }) => (
  !error || typeof error === "string" ? error ?? "" : Object.values(error).join(" at "));

const below = ({ below: hidden, children }) => hidden ?? children?.length ?? 0;

const COLUMNS = [
  {
    label: "Actor", main: true, roomy: true,
    cell: ({ path, indent, top }) => ({ text: readable(top ? path : `/${path.split("/").at(-1)}`), title: path, name: true, indent }),
  },
  {
    label: "Below",
    cell: (actor) => ({ buttons: actor.path !== "/" && below(actor) ? [[
      actor.opened ? "Hide" : `Show ${number(below(actor))}`,
      `${actor.opened ? "Hide" : `Show ${number(below(actor))}`} below ${readable(actor.path)}`, "open",
    ]] : [] }),
  },
  { label: "Kind", wide: true, cell: ({ kind }) => kind },
  { label: "State", cell: ({ state }) => state },
  {
    label: "Mailbox", number: true, wide: true,
    cell: ({ mailbox: { depth, peak, capacity } }) => ({ text: `${depth} / ${peak}`, bad: peak * 2 > capacity, title: "waiting / most ever" }),
  },
  { label: "Restarts", number: true, wide: true, cell: ({ restarts }) => ({ text: restarts, bad: restarts > 0 }) },
  { label: "Last error", wide: true, cell: (actor) => ({ text: fault(actor), bad: true }) },
  { label: "Age", number: true, wide: true, cell: (actor) => age(actor.age) },
  {
    label: "",
    cell: ({ path, restart }) => ({ buttons: restart === "permanent" || path === "/" ? []
      : [["Stop", `Stop ${readable(path)}`, "stop"]] }),
  },
];
