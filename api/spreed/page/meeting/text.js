/** Texts of other people: cut and cleaned where they are shown as one line, with links in chat. */

export const MAX_NAME = 60;
const MAX_LINK = 2_000;
const MAX_LINKS = 100;

const LINK = /https?:\/\/[^\s<>"\p{Cc}\p{Bidi_Control}]+/giu;
const CLOSING = { ")": "(", "]": "[", "}": "{" };

/** Texts are cut between what people see as characters, never inside of one. */
const characters = Intl.Segmenter
  ? (text) => Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment)
  : (text) => [...text];

/**
 * Untrusted text as one short line, of at most `limit` UTF-16 units.
 *
 * What changes the direction of writing goes, for it would reach beyond the text. Other characters
 * without a shape stay: joiners make letters and emoji what they are.
 */
export function line(text, limit) {
  if (typeof text !== "string") return "";
  const whole = text.slice(0, 4 * limit);
  const clean = whole.replace(/\p{Bidi_Control}/gu, "").replace(/[\s\p{Cc}]+/gu, " ").trim();
  if (!/[^\p{Cf}\s]/u.test(clean)) return ""; // nothing in it can be seen
  let cut = "";
  for (const character of characters(clean)) {
    if (cut.length + character.length > limit) break;
    cut += character;
  }
  return (cut || clean.slice(0, limit).replace(/[\uD800-\uDBFF]$/, "")).trim();
}

/** The first character as people see it, large. */
export const initial = (text) => characters(text.slice(0, 40))[0]?.toUpperCase() ?? "";

/** A text by somebody else amid our own words: neither mixes up the direction of the other. */
export function theirs(text) {
  const element = document.createElement("bdi");
  element.textContent = text;
  return element;
}

/**
 * The text with its first 100 http and https addresses as links, as nodes; nothing becomes markup.
 *
 * An address with a login in it stays text: `https://bank.example@other.example` looks like another.
 */
export function withLinks(text) {
  const nodes = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(LINK)) {
    const written = withoutPunctuation(found);
    if (written.length > MAX_LINK || !leadsWhereItLooks(written)) continue;
    nodes.push(text.slice(end, index), linkTo(written));
    end = index + written.length;
    if (nodes.length === 2 * MAX_LINKS) break;
  }
  return [...nodes, text.slice(end)];
}

function leadsWhereItLooks(url) {
  const { username, password } = URL.canParse(url) ? new URL(url) : { username: url };
  return !username && !password;
}

function linkTo(url) {
  const link = document.createElement("a");
  link.href = url;
  link.textContent = url;
  link.dir = "ltr";
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  return link;
}

/** What ends a sentence after an address, or closes a bracket opened before it, is not part of it. */
function withoutPunctuation(url) {
  for (let most = 20; most > 0; most--) {
    const opening = CLOSING[url.at(-1)];
    const counted = (bracket) => url.split(bracket).length;
    if (opening && counted(url.at(-1)) <= counted(opening)) return url;
    if (!opening && !/[.,;:!?'’”»…。、，！？]$/u.test(url)) return url;
    url = url.slice(0, -1);
  }
  return url;
}
