/** Older direct messages, where the server keeps them, page by page. */

import { address } from "./dom.js";
import { PAGE } from "./page_data.js";

/**
 * Fetch what is older than what is shown of a conversation; `jwt` proves who asks.
 *
 * Returns how many messages came.
 */
export async function fetchOlder(conversation, jwt, add) {
  if (!PAGE.keepsHistory || !jwt || !conversation.isDirect) return 0;
  if (!conversation.oldest || conversation.asking) return 0;
  conversation.asking = true;
  try {
    const response = await fetch(address("api/message/history"), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        JWTToken: jwt,
        Username: conversation.other,
        BeforeID: conversation.oldest === Infinity ? 0 : conversation.oldest,
      }),
      signal: AbortSignal.timeout(15_000),
    });
    const answer = await response.json();
    const messages = answer.Messages ?? [];
    for (const { username, message, msgID, timestamp } of messages) {
      conversation.oldest = Math.min(conversation.oldest, msgID);
      add({ id: msgID, sender: username, html: message, at: Date.parse(timestamp) || Date.now() });
    }
    if (response.ok && (!messages.length || !answer.Remaining)) conversation.oldest = 0;
    return messages.length;
  } catch {
    return 0; // asked again by the next scroll to the top
  } finally {
    conversation.asking = false;
  }
}
