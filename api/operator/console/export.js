// Tables as files: CSV for spreadsheets, JSON for programs.

/** Save data under a name, as a download of the browser. */
export function save(name, data, type) {
  const url = URL.createObjectURL(data instanceof Blob ? data : new Blob([data], { type }));
  const link = document.createElement("a");
  [link.href, link.download] = [url, name];
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser may still be reading it
}

/** Rows as CSV after RFC 4180, whose first line names the columns. */
export function csv(columns, rows) {
  const lines = [columns, ...rows].map((cells) => cells.map(cell).join(","));
  return `\ufeff${lines.join("\r\n")}\r\n`; // the mark has spreadsheets read it as UTF-8
}

/**
 * A cell in quotes. What a spreadsheet would take for a formula gets a ' in front; inside of a text, too,
 * where one that separates cells by semicolons or tabs would begin the next.
 */
function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  const harmless = text.replace(
    /(^|[;\t\r\n])([\s"\u0000-\u001f]*[=+\-@＝＋－＠])|^[\t\r\n]/g,
    (found, before, formula) => (formula ? `${before}'${formula}` : `'${found}`),
  );
  return `"${harmless.replaceAll('"', '""')}"`;
}

/** All keys of rows, flat: those of an object in a row are named `outer.inner`. */
export function flat(row, before = "") {
  return Object.entries(row).flatMap(([key, value]) => (
    value && typeof value === "object" && !Array.isArray(value)
      ? flat(value, `${before}${key}.`) : [[before + key, value]]));
}

/** Save rows as they came from the server. */
export function saveRows(name, rows, kind) {
  const file = `quintet-${name}-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.${kind}`;
  if (kind === "json") return save(file, JSON.stringify(rows, null, 2), "application/json");
  const lines = rows.map((row) => Object.fromEntries(flat(row)));
  const columns = [...new Set(lines.flatMap((line) => Object.keys(line)))];
  return save(file, csv(columns, lines.map((line) => columns.map((key) => line[key]))), "text/csv");
}
