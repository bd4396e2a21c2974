// One frame's way: its steps on one line of time, and who read what from it.

import { get } from "./api.js";
import { clockTime } from "./clock.js";
import { byId, h, s } from "./dom.js";
import { shown } from "./readings.js";

const ROW = 16;
const ms = (value) => `${value < 100 ? value.toFixed(1) : Math.round(value)} ms`;

/** Show a frame by its id. */
export async function showFrame(id) {
  byId("frame-id").value = id;
  const place = byId("frame-way");
  try {
    place.replaceChildren(...way(await get(`/api/frames/${encodeURIComponent(id)}`)));
  } catch (refused) {
    place.replaceChildren(h("p", { class: "dim" }, refused.message));
  }
}

byId("frame-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const id = byId("frame-id").value.trim();
  if (id) showFrame(id);
});

function way(frame) {
  return [
    h("p", {}, `${frame.id} of ${frame.source}, captured at ${clockTime(frame.captured_at)}`),
    waterfall(frame.steps),
    h("table", { class: "figures-table" },
      h("caption", { class: "unseen" }, "steps of the frame"),
      h("thead", {}, h("tr", {}, ...["step", "for", "after", "took"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, ...frame.steps.map((step) => h("tr", {}, h("th", { scope: "row" }, step.name), h("td", {}, step.task ?? "all"),
        h("td", {}, ms(step.at_ms)), h("td", {}, ms(step.took_ms)))))),
    h("ul", { class: "rows" }, ...frame.readings.map(read)),
  ];
}

function waterfall(steps) {
  const end = Math.max(1, ...steps.map((step) => step.at_ms + step.took_ms));
  const tasks = [...new Set(steps.map((step) => step.task))];
  const bars = steps.map((step) => s("rect", {
    class: `hue-${step.task === null ? "none" : (tasks.indexOf(step.task) - 1) % 8}`,
    x: (300 * step.at_ms) / end, y: tasks.indexOf(step.task) * ROW + 3, rx: 1,
    width: Math.max(1.5, (300 * step.took_ms) / end), height: ROW - 6,
  }, s("title", {}, `${step.name}: ${step.took_ms.toFixed(1)} ms`)));
  return s("svg", { class: "waterfall", viewBox: `0 0 300 ${Math.max(1, tasks.length) * ROW}`, role: "img",
    "aria-label": `${steps.length} steps in ${end.toFixed(0)} ms` }, ...bars);
}

function read(reading) {
  const values = Object.entries(reading.values).map(([field, value]) =>
    `${field} ${value === null ? `(${reading.withheld[field]})` : shown(value)}`).join(", ");
  const who = reading.origin === null ? "not read" : `${reading.origin} by ${reading.model} on ${reading.server}${reading.fallback ? ", a fallback" : ""}`;
  const seen = reading.read_frame_id && reading.read_frame_id !== reading.frame_id ? `, seen in ${reading.read_frame_id}` : "";
  return h("li", { class: "stacked" }, h("strong", {}, reading.task), h("bdi", {}, values), h("span", { class: "dim" }, who + seen));
}
