// The log, live and filterable; a bounded number of lines is kept here.

import { get } from "./api.js";
import { clockTime } from "./clock.js";
import { byId, h } from "./dom.js";

const MOST = 400;
const HIDDEN_FIELDS = new Set(["frame_id", "server_pid", "outcome", "state"]);
const RANK = { info: 0, warning: 1, error: 2, critical: 3 };

const form = byId("log-filter");
const lines = byId("log-lines");
let lastId = 0;
let wish = null;

const wanted = () => Object.fromEntries(new FormData(form));

/** Ask for the last lines that pass the filter. */
export async function loadLog() {
  const { level, component, q } = wanted();
  const query = new URLSearchParams(Object.entries({ level, component, q }).filter(([, value]) => value));
  const found = await get(`/api/log?${query}`).catch(() => null);
  if (found === null) return;
  lines.replaceChildren(...found.map(line));
  lastId = found.at(-1)?.id ?? lastId;
  toEnd();
}

/** A new line. */
export function takeLine(entry) {
  if (entry.id <= lastId || !passes(entry)) return;
  lastId = entry.id;
  lines.append(line(entry));
  while (lines.children.length > MOST) lines.firstElementChild.remove();
  toEnd();
}

/** As the daemon filters: see foureyes/telemetry/log_ring.py. */
function passes(entry) {
  const { level, component, q } = wanted();
  const [kind, name] = component.split(/:(.*)/s);
  const isAbout = !component || (name ? entry.fields[kind] === name : kind in entry.fields || entry.event.split(".")[0] === kind);
  const has = !q || `${entry.event} ${entry.message}`.toLowerCase().includes(q.toLowerCase());
  return isAbout && has && (!level || (RANK[entry.level] ?? 0) >= RANK[level]);
}

function line(entry) {
  const fields = Object.entries(entry.fields).filter(([name]) => !HIDDEN_FIELDS.has(name)).map(([name, value]) => `${name}=${value}`).join(" ");
  return h("li", { class: `level-${entry.level}` }, h("time", { datetime: entry.at }, clockTime(entry.at)),
    h("span", { class: "level" }, entry.level), h("span", { class: "event" }, entry.event), h("bdi", {}, entry.message),
    h("span", { class: "fields" }, fields));
}

function toEnd() {
  if (form.elements.follow.checked) lines.scrollTop = lines.scrollHeight;
}

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", () => {
  clearTimeout(wish);
  wish = setTimeout(loadLog, 200);
});
