// The operator's console: figures and the live actor tree, read again every two seconds.

import { devices } from "./devices.js";

const REFRESH_MS = 2000;
const MOST_ROWS = 500;
const TOKEN = "quintet.operator.token";
const HERE = location.pathname.replace(/\/*$/, "/");

const element = (id) => document.getElementById(id);

/** The server's answers, asked for with the token of this tab. */
class Server {
  get token() { return sessionStorage.getItem(TOKEN) ?? ""; }
  set token(value) {
    if (value) sessionStorage.setItem(TOKEN, value);
    else sessionStorage.removeItem(TOKEN);
  }

  async ask(path, options = {}) {
    const headers = { Authorization: `Bearer ${this.token}` };
    const answer = await fetch(HERE + path, { ...options, headers, cache: "no-store" });
    if (answer.ok) return answer;
    const { message } = await answer.json().catch(() => ({ message: answer.statusText }));
    throw Object.assign(new Error(message), { status: answer.status });
  }

  async metrics() { return samples(await (await this.ask("metrics")).text()); }
  async tree() { return (await this.ask("actors")).json(); }
  async people(realm, name) { return (await this.ask(`people?${new URLSearchParams({ realm, name })}`)).json(); }
  stop(path) { return this.ask("actors/stop", { method: "POST", body: JSON.stringify({ path }) }); }
}

/** Sums of a Prometheus text by metric name. */
function samples(text) {
  const sums = new Map();
  for (const [, name, value] of text.matchAll(/^([a-z_]+)(?:\{.*\})? (\S+)$/gm)) {
    sums.set(name, (sums.get(name) ?? 0) + Number(value));
  }
  return sums;
}

/** Every actor of a tree with how deep it lies, parents first. */
function* flat(node, depth = 0) {
  yield { ...node, depth };
  for (const child of node.children) yield* flat(child, depth + 1);
}

function age(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

function figures(now, before, seconds) {
  const of = (name) => now.get(name) ?? 0;
  const rate = (name) => (before ? Math.max(0, of(name) - (before.get(name) ?? 0)) / seconds : 0);
  return [
    ["Websockets", of("quintet_websockets")],
    ["Connections", of("quintet_connections")],
    ["Messages in / s", rate("quintet_websocket_received_total").toFixed(0)],
    ["Messages out / s", rate("quintet_websocket_sent_total").toFixed(0)],
    ["Requests / s", rate("quintet_requests_total").toFixed(1)],
    ["Actors", of("quintet_actors")],
    ["Crashes", of("quintet_actor_crashes_total"), of("quintet_actor_crashes_total") > 0],
    ["Full mailboxes", of("quintet_actor_mailbox_full_total"),
      of("quintet_actor_mailbox_full_total") > 0],
    ["CPU", `${(rate("process_cpu_seconds_total") * 100).toFixed(0)} %`],
    ["Memory", `${(of("process_resident_memory_bytes") / 1048576).toFixed(0)} MiB`],
  ];
}

class Console {
  constructor(server) {
    this.server = server;
    this.before = null;
    this.time = 0;
    this.tree = null;
    element("login").addEventListener("submit", (event) => this.login(event));
    element("leave").addEventListener("click", () => this.logout(""));
    element("filter").addEventListener("input", () => this.drawTree());
    element("rows").addEventListener("click", (event) => this.confirm(event));
    element("confirm").addEventListener("close", () => this.stop());
    document.addEventListener("visibilitychange", () => this.refresh());
    setInterval(() => this.refresh(), REFRESH_MS);
    this.show(Boolean(server.token));
    this.refresh();
  }

  show(inside) {
    element("login").hidden = inside;
    for (const id of ["leave", "figures", "sites", "devices", "actors"]) element(id).hidden = !inside;
    if (!inside) element("token").focus();
  }

  say(text, state) {
    if (element("state").textContent !== text) element("state").textContent = text;
    element("state").dataset.state = state;
  }

  login(event) {
    event.preventDefault();
    this.server.token = element("token").value.trim();
    element("token").value = "";
    element("problem").textContent = "";
    this.show(true);
    this.refresh();
  }

  logout(problem) {
    this.server.token = "";
    this.before = this.tree = null;
    element("sites").replaceChildren();
    element("devices").replaceChildren();
    element("rows").replaceChildren();
    element("figures").replaceChildren();
    this.say("Not connected", "");
    this.show(false);
    element("problem").textContent = problem;
  }

  async refresh() {
    if (!this.server.token || document.hidden || this.busy) return;
    this.busy = true;
    try {
      const [metrics, tree] = await Promise.all([this.server.metrics(), this.server.tree()]);
      this.say(metrics.get("quintet_ready") ? "Ready" : "Not ready: draining", "ready");
      this.drawFigures(metrics);
      this.tree = tree;
      this.drawTree();
      element("devices").replaceChildren(...devices([...flat(tree)]));
      await this.drawSites();
    } catch (error) {
      if (error.status === 401 || error.status === 429) this.logout(error.message);
      else this.say("The server does not answer", "lost");
    } finally {
      this.busy = false;
    }
  }

  drawFigures(metrics) {
    const now = performance.now();
    const drawn = figures(metrics, this.before, (now - this.time) / 1000).map(
      ([label, value, bad]) => {
        const figure = document.createElement("div");
        figure.className = bad ? "figure bad" : "figure";
        const [number, name] = [document.createElement("strong"), document.createElement("span")];
        [number.textContent, name.textContent] = [value, label];
        figure.append(number, name);
        return figure;
      },
    );
    element("figures").replaceChildren(...drawn);
    [this.before, this.time] = [metrics, now];
  }

  /** Rooms that count their bans are chat sites: show who is there. */
  async drawSites() {
    const rooms = [...flat(this.tree)].filter(({ facts }) => facts?.bans !== undefined);
    const drawn = await Promise.all(rooms.map(async ({ path }) => {
      const [realm, name] = path.split("/").at(-1).split(":").map(decodeURIComponent);
      const found = await this.server.people(realm, name).catch((error) => {
        if (error.status === 404 || error.status === 503) return null; // it has just ended
        throw error;
      });
      return found && site(found);
    }));
    element("sites").replaceChildren(...drawn.filter(Boolean));
  }

  drawTree() {
    if (!this.tree) return;
    const wanted = element("filter").value.trim().toLowerCase();
    const found = [...flat(this.tree)].filter(
      (actor) => `${actor.path} ${actor.kind}`.toLowerCase().includes(wanted),
    );
    const focused = document.activeElement?.dataset?.path;
    element("rows").replaceChildren(...found.slice(0, MOST_ROWS).map(row));
    if (focused) {
      [...element("rows").querySelectorAll("button")]
        .find((button) => button.dataset.path === focused)?.focus();
    }
    element("more").textContent = found.length > MOST_ROWS
      ? `${found.length - MOST_ROWS} more; filter to see them.` : "";
  }

  confirm(event) {
    const { path } = event.target.dataset;
    if (!path) return;
    const dialog = element("confirm");
    element("confirm-path").textContent = this.chosen = path;
    dialog.returnValue = "";
    dialog.showModal();
  }

  async stop() { // whenever the dialog is closed; the event may come after it is open again
    const dialog = element("confirm");
    if (dialog.open || dialog.returnValue !== "stop") return;
    dialog.returnValue = "";
    try {
      await this.server.stop(this.chosen);
    } catch (error) {
      this.say(error.message, "lost");
    }
    this.refresh();
  }
}

/** One chat site: who is there, webcams first, and who is banned. */
function site({ realm, name: room, people, bans }) {
  const title = document.createElement("h2");
  const live = people.filter(({ webcam }) => webcam);
  title.textContent = `Chat: ${realm}, ${room}`;
  const list = (name, lines) => {
    const [heading, made] = [document.createElement("h3"), document.createElement("ul")];
    heading.textContent = `${name}: ${lines.length}`;
    made.append(...lines.slice(0, MOST_ROWS).map((text) => {
      const item = document.createElement("li");
      item.textContent = text;
      return item;
    }));
    const box = document.createElement("div");
    box.append(heading, made);
    return box;
  };
  const words = ({ name, status, operator, vip, guest }) => [
    name, guest && "guest", operator && "operator", vip && "VIP", status !== "online" && status,
  ].filter(Boolean).join(" · ");
  const lists = document.createElement("div");
  lists.className = "lists";
  lists.append(
    list("People", people.map(words)),
    list("Webcams", live.map(({ name, explicit }) => (explicit ? `${name} · explicit` : name))),
    list("Bans", bans.map(({ name, until }) => `${name} · until ${new Date(until * 1000).toLocaleString()}`)),
  );
  const section = document.createElement("section");
  section.append(title, lists);
  return section;
}

function row(actor) {
  const { depth, peak, capacity } = actor.mailbox;
  const line = document.createElement("tr");
  const cell = (text, className = "") => {
    const made = document.createElement("td");
    made.textContent = text;
    made.className = className;
    line.append(made);
    return made;
  };
  const [path, error] = [actor.path, actor.last_error];
  cell(`${"\u2003".repeat(2 * actor.depth)}${path}`);
  cell(actor.kind);
  cell(actor.state);
  cell(`${depth} / ${peak}`, peak * 2 > capacity ? "number bad" : "number");
  cell(actor.restarts, actor.restarts ? "number bad" : "number");
  cell(error ? (typeof error === "string" ? error : Object.values(error).join(" at ")) : "", "bad");
  cell(age(actor.age), "number");
  const last = cell("");
  if (actor.restart !== "permanent" && path !== "/") {
    const button = document.createElement("button");
    [button.type, button.textContent, button.dataset.path] = ["button", "Stop", path];
    button.setAttribute("aria-label", `Stop ${path}`);
    last.append(button);
  }
  return line;
}

new Console(new Server());
