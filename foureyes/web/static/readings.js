// One task's current reading: each field with its value or why there is none, its evidence, age and small history.

import { aged } from "./clock.js";
import { h, keyed, mark, say } from "./dom.js";
import { sketch, Steps } from "./steps.js";
import { showWord, word } from "./words.js";

const ORIGINS = {
  inferred: "newly read", cached: "from the cache", held: "held: the pixels have not changed",
  shared: "shared with another task",
};
const WHY_NOT = {
  absent: "not on the picture", unreadable: "unreadable", too_small: "too small to be read", ambiguous: "ambiguous",
  conflict: "two reads differ", implausible: "implausible", unconfirmed: "not confirmed yet", stale: "stale",
  no_model: "no model answers",
};

const PRESENT = new Set(["ok", "fallback"]);

/** A value as people read it. */
export function shown(value) {
  if (value === true) return "yes";
  if (value === false) return "no";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The block of one task of one source; `pointed` gets the field at which somebody points, `wanted` a frame's id. */
export class TaskBlock {
  constructor(task, hue, { pointed, wanted }) {
    this.task = task;
    this.pointed = pointed;
    this.wanted = wanted;
    this.steps = new Steps();
    this.reading = null;
    this.fields = {};
    this.badge = word("unknown");
    this.by = h("p", { class: "by dim" });
    this.why = h("p", { class: "why", hidden: true });
    this.rows = h("tbody");
    this.choices = h("ul", { class: "rows" });
    this.element = h("section", { class: `task hue-${hue}`, "aria-label": `task ${task}` },
      h("header", {}, h("h4", {}, task), this.badge), this.by, this.why,
      h("table", { class: "readings" },
        h("thead", { class: "unseen" }, h("tr", {}, ...["field", "value and evidence", "lately"].map((name) => h("th", { scope: "col" }, name)))),
        this.rows),
      h("details", {}, h("summary", {}, "who may read it"), this.choices));
  }

  /** What /api/sources says of the task's fields. */
  describe(fields) { this.fields = fields; }

  /** What /health says of the task: its word, the router's choice, and a reason that is not its source's. */
  stand(part, saidAlready) {
    showWord(this.badge, part?.state ?? "unknown");
    this.element.classList.toggle("old", !PRESENT.has(part?.state));
    say(this.why, part?.reason ?? "");
    this.why.hidden = !part?.reason || part.reason === saidAlready;
    keyed(this.choices, part?.candidates ?? [], (each) => each.model, (each) =>
      h("li", {}, h("span", {}, `${each.model} on ${each.server}`), h("span", { class: "dim" })),
    (made, each) => {
      const isChosen = each.model === part.model;
      say(made.lastElementChild, isChosen ? "chosen" : each.why_not ?? "would be next");
      made.classList.toggle("chosen", isChosen);
    });
  }

  load(steps) {
    this.steps.load(steps);
    this.draw();
  }

  take(reading) {
    this.reading = reading;
    this.steps.add(reading);
  }

  /** Show what was taken last. */
  draw() {
    const reading = this.reading;
    if (reading === null) return;
    keyed(this.by, by(reading), (fact) => fact.key, (fact) => this.fact(fact), tell);
    keyed(this.rows, Object.keys(reading.values), (field) => field, (field) => this.row(field),
      (row, field) => this.fill(row, field, reading));
  }

  fact({ key, title }) {
    const fact = h("span", { title });
    if (key !== "frame") return fact;
    const button = h("button", { type: "button", class: "link", title: "show this frame's way",
      onclick: () => this.wanted(button.textContent) });
    fact.append(button);
    return fact;
  }

  row(field) {
    const key = `${this.task}/${field}`;
    const row = h("tr", { onmouseenter: () => this.pointed(key), onmouseleave: () => this.pointed(null) },
      h("th", { scope: "row" }),
      h("td", { class: "value" }, h("div", {}, h("bdi", {}), h("span", { class: "evidence" }))), h("td", { class: "lately" }));
    return row;
  }

  fill(row, field, reading) {
    const [name, value, lately] = row.children;
    const [shows, evidence] = value.firstElementChild.children;
    const found = reading.values[field];
    const text = found === null ? WHY_NOT[reading.withheld[field]] ?? reading.withheld[field] ?? "not known"
      : [shown(found), reading.evidence[field]?.currency ?? this.fields[field]?.unit].filter(Boolean).join("\u00a0");
    say(name, this.fields[field]?.title ?? field);
    if (shows.textContent !== "" && shows.textContent !== text) flash(row);
    say(shows, text);
    value.classList.toggle("withheld", found === null);
    say(evidence, evidenceOf(reading.evidence[field] ?? {}));
    const steps = this.steps.of(field);
    const drawn = `${steps.length}/${steps.at(-1)?.since}/${Math.floor(performance.now() / 2000)}`;
    if (lately.dataset.drawn !== drawn) {
      mark(lately, "data-drawn", drawn);
      lately.replaceChildren(sketch(steps));
    }
  }
}

function flash(row) {
  row.classList.remove("changed");
  void row.offsetWidth; // begins the animation anew
  row.classList.add("changed");
}

/** Who read it, how, how surely and how long ago. */
function by(reading) {
  if (reading.origin === null) return [{ key: "nobody", text: "not read" }];
  const { model, server, origin, confidence, confidence_from: title, model_says: says, latency_ms: ms,
    read_at: at } = reading;
  return [
    { key: "who", text: `${model} on ${server}` },
    { key: "how", text: ORIGINS[origin] ?? origin },
    confidence !== null && { key: "confidence", text: `confidence ${confidence.toFixed(2)}`, title },
    says !== null && { key: "says", text: `the model says ${says.toFixed(2)}` },
    ms !== null && { key: "latency", text: `${Math.round(ms)} ms` },
    at !== null && { key: "age", at },
    { key: "frame", id: reading.read_frame_id },
  ].filter(Boolean);
}

function tell(place, fact) {
  if (fact.key === "age") aged(place, fact.at, "from a picture of ", " ago");
  else if (fact.key === "frame") say(place.firstElementChild, fact.id);
  else say(place, fact.text);
}

function evidenceOf(evidence) {
  const facts = [];
  if (evidence.reads > 1) facts.push(`read ${evidence.reads}×`);
  if (evidence.confirmed_by) facts.push(`confirmed by ${evidence.confirmed_by}`);
  if (evidence.alternatives?.length) facts.push(`or ${evidence.alternatives.map((each) => shown(each.value ?? "?")).join(", ")}`);
  if (typeof evidence.text === "string") facts.push(`“${evidence.text.slice(0, 60)}”`);
  return facts.join(" · ");
}
