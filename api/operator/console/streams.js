// Streams of a room or of a person: what flows, how well, and muting it.

import { bits, milliseconds, NONE, percent } from "./format.js";
import { mute } from "./orders.js";
import { Table } from "./table.js";

const DIRECTIONS = { in: "to the server", out: "from the server" };

/**
 * A table of streams. `person(stream)` says whose one is, as `{name, peer}`, or null; `path` is the
 * place in the API of the room or person that they belong to.
 */
export function streamTable(desk, path, person, { owners }) {
  const owner = (stream) => person(stream)?.name || person(stream)?.peer || "";
  const columns = [
    { label: "Stream", main: true, sort: "id", value: ({ id }) => id, cell: ({ id }) => ({ text: id, name: true }) },
    owners && { label: "Person", sort: "person", value: owner, cell: (stream) => ({ text: owner(stream) || NONE, name: true }) },
    { label: "Kind", sort: "kind", value: ({ kind }) => kind, cell: ({ kind, muted }) => (muted ? `${kind}, muted` : kind) },
    { label: "Codec", wide: true, cell: ({ codec }) => codec || NONE },
    { label: "Way", wide: true, cell: ({ direction }) => DIRECTIONS[direction] ?? direction ?? NONE },
    { label: "Bitrate", sort: "bits", first: "desc", number: true, value: (one) => one.bits_per_second, cell: (one) => bits(one.bits_per_second) },
    { label: "Loss", sort: "loss", first: "desc", number: true, value: ({ loss }) => loss, cell: ({ loss }) => ({ text: percent(loss), bad: loss > 0.03 }) },
    { label: "Jitter", number: true, wide: true, cell: ({ jitter }) => milliseconds(jitter) },
    { label: "Round trip", number: true, wide: true, cell: (one) => milliseconds(one.round_trip) },
    {
      label: "",
      cell: (stream) => ({ buttons: mutable(stream) ? [[
        stream.muted ? "Unmute" : "Mute",
        `${stream.muted ? "Unmute" : "Mute"} ${stream.kind} of ${owner(stream) || "nobody"}, ${stream.id}`, "mute",
      ]] : [] }),
    },
  ].filter(Boolean);
  return new Table("Streams", columns, {
    name: "streams", key: ({ id, direction, kind }) => `${id} ${direction} ${kind}`, sort: "loss", order: "desc",
    empty: "No stream goes through the server.",
    act: (_, stream) => mute(desk, path, owner(stream), stream),
  });
}

const mutable = ({ kind, direction, muted }) => (
  kind !== "data" && direction === "in" && typeof muted === "boolean");
