/** What the server may say when it does not let somebody in. */

export const WRONG_PIN = new Set(["invalid_credentials", "invalid_pin"]);
export const ROOM_CLOSED = "room_closed";
/** Asked again by itself, with a new connection. */
export const RETRIED = new Set(["shutting_down", "no_answer"]);

export const TOO_MANY_ATTEMPTS =
  "Too many wrong attempts. Please wait a while before you try again.";

const WORDS = {
  room_join_requires_account: "This room is for people with an account on this server.",
  default_room_disabled: "This server has no default room. Please choose a room name.",
  invalid_room_name: "The name of this room is too long. Please choose another one.",
  room_full: "The room is full. Try again when somebody has left.",
  too_many_rooms: "The server has no space for another room at the moment.",
  too_many_attempts: TOO_MANY_ATTEMPTS,
  busy: "The server is very busy. Please try again in a moment.",
};

export const refusalInWords = (code) => WORDS[code] ?? "The server did not let you in.";
