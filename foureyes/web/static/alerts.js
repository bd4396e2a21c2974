// What is in trouble now, told or held off still, and the last notices.

import { get } from "./api.js";
import { aged, clockTime } from "./clock.js";
import { byId, h, keyed, mark, say } from "./dom.js";

const TONES = { critical: "bad", warning: "warn" };
const MOST_SHOWN = 30;
const MOST_PAST = 8;

/** Ask for the alerts. */
export async function refreshAlerts() {
  const { active, last, channels } = await get("/api/alerts");
  const shown = active.slice(0, MOST_SHOWN);
  byId("alerts-count").textContent = active.length === 0 ? "" : String(active.length);
  byId("alerts-quiet").hidden = active.length > 0;
  keyed(byId("alerts-active"), shown, (each) => `${each.rule} ${each.subject}`, row, fill);
  keyed(byId("alerts-last"), last.slice(0, MOST_PAST), (each) => each.id, past);
  const failing = Object.entries(channels).filter(([, channel]) => channel.failing !== null);
  keyed(byId("alerts-failing"), failing, ([name]) => name, () => h("li", { class: "why-small" }),
    (made, [name, channel]) => say(made, `${channel.waiting} waiting for ${name}: ${channel.failing}`));
}

const row = () => h("li", {}, h("span", { class: "word" }), h("bdi", {}), h("span", { class: "why-small" }), h("span", { class: "dim" }));

function fill(made, alert) {
  const [severity, title, why, seen] = made.children;
  say(severity, alert.severity);
  mark(severity, "data-tone", TONES[alert.severity] ?? "quiet");
  say(title, alert.title);
  say(why, alert.because === null ? alert.reason : `because of ${alert.because}`);
  const standing = alert.told ? "" : ", not told yet";
  if (made.dataset.told !== String(alert.told)) seen.replaceChildren(aged(h("span"), alert.since, "for ", standing));
  mark(made, "data-told", String(alert.told));
}

const past = (notice) => h("li", {}, h("time", { class: "dim", datetime: notice.at }, clockTime(notice.at)),
  h("span", { class: "dim" }, notice.kind), h("bdi", {}, notice.title));
