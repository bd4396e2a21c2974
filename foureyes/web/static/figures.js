// What the cache and the look at changes save, how fast each task is read, and what was ever dropped.

import { byId, h, keyed, mark, say } from "./dom.js";

const ORIGINS = ["inferred", "shared", "cached", "held", "none"];
const NBSP = "\u00a0";

/** The samples of one metric: [{labels, value}]. */
function samples(totals, metric) {
  return Object.entries(totals).filter(([key]) => key.startsWith(`${metric}{`)).map(([key, value]) => {
    const labels = Object.fromEntries([...key.slice(metric.length + 1, -1).matchAll(/(\w+)=([^,]*)/g)].map((each) => each.slice(1)));
    return { labels, value };
  });
}

const sum = (found) => found.reduce((total, each) => total + each.value, 0);
const percent = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(1)} %` : "none yet");

function ms(value) {
  if (value === null || value === undefined) return "?";
  if (value >= 1000) return `${(value / 1000).toFixed(1)} s`;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** Take /api/status. */
export function takeFigures(status) {
  const { totals, quantiles } = status.figures;
  const looks = samples(totals, "foureyes_looks_total");
  const asked = looks.filter((each) => ["inferred", "none"].includes(each.labels.origin));
  const cache = samples(totals, "foureyes_cache_lookups_total");
  const hits = cache.filter((each) => each.labels.outcome === "hit");
  const missed = samples(totals, "foureyes_missed_ticks_total");
  const lateness = Object.entries(quantiles).filter(([key]) => key.startsWith("lateness_ms/"));
  const facts = [
    ["looks without a request", percent(sum(looks) - sum(asked), sum(looks)), `${sum(looks).toLocaleString()} looks`],
    ["answers from the cache", percent(sum(hits), sum(cache)), `${sum(cache).toLocaleString()} questions`],
    ["missed ticks", sum(missed).toLocaleString(), lateness.length ? `late by ${ms(Math.max(...lateness.map(([, each]) => each.p95)))} at p95` : ""],
    ["dropped in all", sum(samples(totals, "dropped_total")).toLocaleString(), dropped(totals)],
  ];
  if (status.machine) facts.push(["processors in use", `${Math.round(status.machine.cpu_percent)} %`, uses(status.machine)]);
  const place = byId("figure-list");
  if (place.children.length === 0) place.append(h("dl", { class: "figures" }), tasksTable());
  keyed(place.firstElementChild, facts, ([name]) => name,
    ([name]) => h("div", {}, h("dt", {}, name), h("dd", {}, h("strong"), h("span", { class: "dim" }))),
    (made, [, value, more]) => {
      say(made.lastElementChild.firstElementChild, value);
      say(made.lastElementChild.lastElementChild, more);
    });
  tasks(place.lastElementChild.tBodies[0], looks, quantiles, status.targets);
}

function dropped(totals) {
  const found = samples(totals, "dropped_total").filter((each) => each.value > 0).sort((a, b) => b.value - a.value);
  return found.slice(0, 3).map(({ labels, value }) => `${value.toLocaleString()} ${labels.reason.replaceAll("_", " ")} (${labels.where})`).join(", ");
}

function uses(machine) {
  return Object.entries(machine.trees).map(([name, use]) =>
    `${name} ${Math.round(use.cpu_percent)} %, ${Math.round(use.rss_bytes / 1e6)} MB`).join(" · ");
}

const tasksTable = () => h("table", { class: "figures-table" },
  h("caption", { class: "unseen" }, "looks and latencies by task"),
  h("thead", {}, h("tr", {}, ...["task", "looks by origin", "p95", "target"].map((name) => h("th", { scope: "col" }, name)))),
  h("tbody"));

function tasks(body, looks, quantiles, targets) {
  keyed(body, Object.entries(targets), ([task]) => task,
    ([task]) => h("tr", {}, h("th", { scope: "row" }, task), h("td", {}, h("div", { class: "share", role: "img" })), h("td"), h("td")),
    (made, [task, target]) => {
      const [, origins, p95, wanted] = made.children;
      share(origins.firstElementChild, looks.filter((each) => each.labels.task === task));
      say(p95, ms(quantiles[`latency_ms/${task}`]?.p95));
      say(wanted, target.target_ms === null ? "" : `${ms(target.target_ms).replace(" ", NBSP)} ${target.met === null ? "" : target.met ? `✓${NBSP}met` : `✕${NBSP}not${NBSP}met`}`);
      mark(wanted, "class", target.met === false ? "not-met" : "");
    });
}

function share(bar, looks) {
  const whole = sum(looks) || 1;
  const parts = ORIGINS.map((origin) => [origin, sum(looks.filter((each) => each.labels.origin === origin)) / whole]).filter(([, part]) => part > 0);
  mark(bar, "aria-label", parts.map(([origin, part]) => `${origin} ${(100 * part).toFixed(1)} %`).join(", "));
  mark(bar, "title", bar.getAttribute("aria-label"));
  keyed(bar, parts, ([origin]) => origin, ([origin]) => h("i", { class: `origin-${origin}` }),
    (made, [, part]) => { made.style.flexGrow = part; });
}
