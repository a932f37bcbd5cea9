// Plays one view: waits for its playlist, has hls.js or the browser itself play it, and says in
// words what is the matter while there is no picture.

const config = JSON.parse(document.getElementById("quintet-config").textContent);
const part = (id) => document.getElementById(id);
const [video, card, words, again, badge, sound] =
  ["picture", "card", "words", "again", "badge", "sound"].map(part);
const SECONDS = 1000;
const PATIENCE = 15 * SECONDS; // for the next piece of the picture
const STANDS = 2 * SECONDS; // from then on it is said that nothing comes
const LATER = 3; // seconds, where the server does not say
const OVER = new Set([401, 403, 404]); // answers after which there is no more to come
const SAID = {
  starting: "Starting…",
  live: "Live",
  lost: "The connection was lost. Trying again…",
  waits: "Waiting…",
  unplayable: "This browser cannot play the stream.",
};

let player = null; // of hls.js
let playing = 0; // counts attempts, so that an old one stays silent
let moved = 0; // when the picture went on last

function show(state, text) {
  document.body.dataset.state = state;
  const live = state === "live";
  words.textContent = badge.textContent = live ? SAID.live : text;
  card.hidden = live;
  video.hidden = !live;
  badge.hidden = !live;
  again.hidden = state !== "over";
  if (!live) sound.hidden = true;
}

const after = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * SECONDS));

async function begin() {
  const mine = ++playing;
  stop();
  show("starting", SAID.starting);
  while (mine === playing) {
    let answer;
    try {
      answer = await fetch(config.playlist, { cache: "no-store" });
    } catch {
      show("starting", SAID.lost);
      await after(LATER);
      continue;
    }
    if (mine !== playing) return;
    if (answer.ok) {
      play(mine);
      return;
    }
    const text = (await answer.text()).trim();
    if (answer.status !== 503 && answer.status !== 429) {
      show("over", text);
      return;
    }
    show("starting", text);
    await after(Number(answer.headers.get("Retry-After")) || LATER);
  }
}

function stop() {
  if (player) player.destroy();
  player = null;
  video.removeAttribute("src");
  video.load();
}

function play(mine) {
  moved = performance.now();
  const failed = () => mine === playing && begin();
  if (globalThis.Hls && Hls.isSupported()) {
    player = new Hls({ liveSyncDurationCount: 2, liveMaxLatencyDurationCount: 6, backBufferLength: 10 });
    let mended = false; // one error of the picture is borne in each attempt
    player.on(Hls.Events.ERROR, (_, problem) => {
      const listing = problem.details === Hls.ErrorDetails.LEVEL_LOAD_ERROR;
      if (listing && OVER.has(problem.response?.code)) {
        setTimeout(failed, 0); // it will say why
        return;
      }
      if (!problem.fatal) return;
      if (problem.type === Hls.ErrorTypes.MEDIA_ERROR && !mended) {
        mended = true;
        player.recoverMediaError();
      } else {
        setTimeout(failed, SECONDS);
      }
    });
    let last = Infinity; // of the segments that were listed
    player.on(Hls.Events.LEVEL_UPDATED, (_, { details }) => {
      if (details.startSN > last + 1) setTimeout(failed, 0); // another process writes them
      last = details.endSN;
    });
    player.on(Hls.Events.MANIFEST_PARSED, start);
    player.loadSource(config.playlist);
    player.attachMedia(video);
  } else if (video.canPlayType("application/vnd.apple.mpegurl")) {
    video.onerror = () => video.getAttribute("src") && setTimeout(failed, SECONDS);
    video.src = config.playlist;
    start();
  } else {
    playing += 1;
    show("over", SAID.unplayable);
  }
}

async function start() {
  try {
    await video.play();
  } catch (error) {
    if (error.name !== "NotAllowedError") return;
    video.muted = true; // until whoever watches has touched the page
    await video.play().catch(() => {});
  }
}

function goesOn() {
  moved = performance.now();
  badge.textContent = SAID.live;
  if (document.body.dataset.state === "live") return;
  show("live");
  sound.hidden = !video.muted;
}

video.addEventListener("timeupdate", () => video.currentTime > 0 && !video.paused && goesOn());
video.addEventListener("pause", () => (moved = Infinity)); // whoever watches wants it so
video.addEventListener("play", () => (moved = performance.now()));
video.addEventListener("volumechange", () => video.muted || (sound.hidden = true));
again.addEventListener("click", begin);
sound.addEventListener("click", () => {
  video.muted = false;
  sound.hidden = true;
  video.focus();
});
setInterval(() => {
  const waits = player || video.getAttribute("src");
  const stood = performance.now() - moved;
  if (stood > STANDS) badge.textContent = SAID.waits;
  if (waits && stood > PATIENCE) begin();
}, SECONDS);

if (config.trouble) show("over", config.trouble);
else begin();
