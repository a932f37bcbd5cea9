// Figures as people read them. What is not known is a dash.

export const NONE = "–";

const unknown = (value) => value === null || value === undefined || Number.isNaN(value);

export function age(seconds) {
  if (unknown(seconds)) return NONE;
  const passed = Math.max(0, seconds);
  if (passed < 60) return `${Math.floor(passed)} s`;
  if (passed < 3600) return `${Math.floor(passed / 60)} min`;
  if (passed < 172800) return `${Math.floor(passed / 3600)} h`;
  return `${Math.floor(passed / 86400)} d`;
}

/** How long ago a moment in Unix seconds was. */
export const since = (moment) => (unknown(moment) ? NONE : age(Date.now() / 1000 - moment));

/** Date and time of a moment in Unix seconds. */
export function moment(seconds) {
  return unknown(seconds) ? NONE : new Date(seconds * 1000).toLocaleString();
}

/** The time of day of a moment: ISO 8601, as log lines have it. */
export function timeOfDay(iso) {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? String(iso ?? "") : time.toLocaleTimeString();
}

export const number = (value) => (unknown(value) ? NONE : value.toLocaleString("en"));

export function bits(perSecond) {
  if (unknown(perSecond)) return NONE;
  if (perSecond < 1e3) return `${Math.round(perSecond)} bit/s`;
  if (perSecond < 1e6) return `${Math.round(perSecond / 1e3)} kbit/s`;
  if (perSecond < 1e9) return `${(perSecond / 1e6).toFixed(1)} Mbit/s`;
  return `${(perSecond / 1e9).toFixed(1)} Gbit/s`;
}

export function bytes(count) {
  if (unknown(count)) return NONE;
  if (count < 1024) return `${count} B`;
  const power = Math.min(4, Math.floor(Math.log2(count) / 10));
  return `${(count / 1024 ** power).toFixed(1)} ${["", "KiB", "MiB", "GiB", "TiB"][power]}`;
}

/** A fraction of one as per cent. */
export const percent = (fraction) => (unknown(fraction) ? NONE
  : `${(fraction * 100).toFixed(fraction < 0.1 ? 1 : 0)} %`);

export const milliseconds = (seconds) => (unknown(seconds) ? NONE
  : `${Math.round(seconds * 1000)} ms`);

/** An actor's address as it reads; anybody can choose the name of a room in it. */
export function readable(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** The title of a room, and its name where that is another. */
export const shownName = ({ name, title, id }) => (
  !title || title.toLowerCase() === name.toLowerCase() ? title || name || id : `${title} (${name})`);
