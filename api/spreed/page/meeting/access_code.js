import { address } from "./page.js";
import { TOO_MANY_ATTEMPTS } from "./refusals.js";

/** A websocket that wants an access code cannot say so: whether the server answers at all. */
export const serverAnswers = () =>
  fetch(address("api/v1/config")).then((r) => r.ok).catch(() => false);

/** Ask until the server takes an access code; false when the person would rather not. */
export async function askAccessCode(ask) {
  let problem = "";
  do {
    const token = await ask({
      title: "This server asks for an access code",
      text: "You get it from the person who runs the server.",
      label: "Access code",
      action: "Continue",
      problem,
    });
    if (!token) return false;
    problem = await offer(token);
  } while (problem);
  return true;
}

/** Returns what is wrong with the code, or nothing. */
async function offer(token) {
  try {
    const response = await fetch(address("api/v1/tokens"), {
      method: "POST",
      body: new URLSearchParams({ a: token }),
    });
    if (response.ok) return "";
    return response.status === 429 ? TOO_MANY_ATTEMPTS : "That access code is not valid.";
  } catch {
    return "The server cannot be reached.";
  }
}
