/** What the server wrote into the page (the values of fact sheet section 6). */

const data = JSON.parse(document.getElementById("quintet-config").textContent);
const claims = data.UserJWTValid ? data.UserJWTClaims ?? {} : {};
const hooks = new Set((data.WebhookURLs ?? []).filter((h) => h.Enabled).map((h) => h.Name));

export const PAGE = {
  title: data.Title || "Chat",
  website: data.WebsiteURL ?? "",
  permitsNsfw: Boolean(data.PermitNSFW),
  disclaimer: data.DMDisclaimer ?? "",
  vipName: data.VIP?.Name || "VIP",
  channels: (data.PublicChannels ?? []).map((channel) => ({
    id: channel.ID,
    name: channel.Name || channel.ID,
    vip: Boolean(channel.VIP),
    photos: Boolean(channel.PermitPhotos),
  })),
  reports: hooks.has("report"),
  keepsHistory: Boolean(data.History),
  blocked: data.CachedBlocklist ?? [],
  jwt: data.UserJWTToken ?? "",
  /** The name that the token gives; "" for a guest. */
  subject: claims.sub ?? "",
  isOperator: Boolean(claims.op),
  isVip: Boolean(claims.vip),
  rules: data.UserJWTRules ?? {},
};

/** For RTCPeerConnection; a name and a password go to `turn:` and `turns:` servers alone. */
export const ICE_SERVERS = (data.TURN?.URLs ?? []).map((url) =>
  /^turns?:/.test(url) && data.TURN.Username
    ? { urls: url, username: data.TURN.Username, credential: data.TURN.Credential }
    : { urls: url },
);

/** An address that somebody else chose, below the website where it begins with "/"; or "". */
export function outside(url) {
  if (!url) return "";
  try {
    const found = new URL(url, PAGE.website || document.baseURI);
    return /^https?:$/.test(found.protocol) ? found.href : "";
  } catch {
    return "";
  }
}
