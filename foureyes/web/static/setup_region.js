// The region of a field: drawn on the live picture, read at once, suggested, and put among the changes.

import { clockTime } from "./clock.js";
import { h, mark } from "./dom.js";
import { Pointing, placed } from "./pointing.js";
import { because, by, said, send } from "./setup_sending.js";

const READ_AFTER_MS = 250;
const WHOLE = "*";
const KEYS = "Draw with the mouse. With the keyboard: Enter or an arrow key begins, arrows move the region, Shift with "
  + "arrows changes its size, Ctrl makes small steps, Escape takes it away. Or type its place.";

/** The values of a reading by their fields. */
export function values(reading, names) {
  return h("dl", { class: "values" }, ...names.map((name) => {
    const value = reading.values[name] ?? null;
    const shown = value === null ? because(reading.withheld[name] ?? "absent") : said(value);
    return h("div", {}, h("dt", {}, name), h("dd", { class: value === null ? "missing" : "value" }, shown));
  }));
}

/** The field's name for people. */
const named = (field) => (field === WHOLE ? "(the whole task)" : field);

export class RegionPanel {
  /** `at` says what is chosen, `changes` takes what is to be written. */
  constructor(at, changes) {
    this.at = at;
    this.changes = changes;
    this.field = h("select", { id: "setup-field", onchange: () => this.chooseField() });
    this.corners = ["Left", "Top", "Width", "Height"].map((name) =>
      h("input", { type: "number", min: 0, max: 100, step: 0.1, "data-corner": name, oninput: () => this.type() }));
    this.found = h("div", { class: "found", role: "status" });
    this.offers = h("div", { class: "offers" });
    this.take = h("button", { type: "button", class: "primary", onclick: () => this.stage(this.pointing.region) }, "Use this region");
    this.drop = h("button", { type: "button", onclick: () => this.stage(null) }, "Remove its region");
    this.again = h("button", { type: "button", onclick: () => this.readSoon(0) }, "Read again");
    this.alone = h("input", { type: "checkbox" });
    this.aloneRow = h("label", { class: "check" }, this.alone, " for this source alone");
    this.known = h("div", { class: "known", "aria-hidden": "true" });
    this.stageElement = this.drawStage();
    this.pointing = new Pointing(this.stageElement, (region, isDone) => this.drawn(region, isDone));
  }

  drawStage() {
    const surface = h("div", { class: "surface", tabindex: 0, role: "application", "aria-label": "Region on the live picture",
      "aria-describedby": "setup-keys" }, this.known, h("div", { class: "drawn", hidden: true }, h("span", { class: "corner" })));
    return h("figure", { class: "stage" },
      h("div", { class: "live" }, h("canvas", { width: 1280, height: 720, role: "img", "aria-label": "Live picture" }), surface),
      h("figcaption", { class: "dim" }));
  }

  picture() {
    return h("div", { class: "pointing" }, this.stageElement, h("p", { id: "setup-keys", class: "dim" }, KEYS),
      h("div", { class: "corners" }, ...this.corners.map((input) => h("label", {}, `${input.dataset.corner} %`, input))));
  }

  panel() {
    return h("section", { class: "card" }, h("h3", {}, "Region"),
      h("div", { class: "choices" }, h("label", {}, "Field", this.field), this.aloneRow), this.found,
      h("div", { class: "buttons" }, this.take, this.again, this.drop,
        h("button", { type: "button", onclick: () => this.suggest() }, "Suggest regions")), this.offers);
  }

  chooseSource() {
    this.pointing.watch(this.at.source);
    const { sources } = this.at.document;
    this.alone.checked = Object.keys(sources.find((each) => each.id === this.at.source).regions).length > 0;
    this.aloneRow.hidden = sources.length < 2 && !this.alone.checked;
  }

  chooseTask() {
    const names = [...Object.keys(this.at.task.schema.properties), WHOLE];
    this.field.replaceChildren(...names.map((name) => Object.assign(h("option", {}, named(name)), { value: name })));
    this.offers.replaceChildren();
    this.chooseField();
  }

  chooseField() {
    this.showKnown();
    if (this.pointing.region !== null) this.readSoon(0);
  }

  drawn(region, isDone) {
    this.take.disabled = this.again.disabled = region === null;
    this.corners.forEach((input, index) => {
      if (document.activeElement !== input) input.value = region === null ? "" : Number((region[index] * 100).toFixed(2));
    });
    if (region === null) {
      this.letGo();
      this.found.replaceChildren();
    } else if (isDone) {
      this.readSoon(READ_AFTER_MS);
    }
  }

  type() {
    const region = this.corners.map((input) => (input.value === "" ? NaN : Number(input.value) / 100));
    if (!region.some(Number.isNaN) && region[2] > 0 && region[3] > 0) this.pointing.set(region);
  }

  letGo() {
    clearTimeout(this.timer);
    this.reading?.abort();
  }

  readSoon(afterMs) {
    this.letGo();
    this.timer = setTimeout(() => this.read(), afterMs);
  }

  async read() {
    const { signal } = this.reading = new AbortController();
    const question = { source: this.at.source, region: this.pointing.region, task: this.at.name, field: this.field.value };
    mark(this.found, "aria-busy", "true");
    try {
      this.show(await send("/api/try/read", question, signal), question.field);
    } catch (error) {
      if (!signal.aborted) this.found.replaceChildren(h("p", { class: "bad" }, error.message));
    }
    if (!signal.aborted) mark(this.found, "aria-busy", null);
  }

  show({ reading, text, box, captured_at: at }, field) {
    const all = text === null ? null : text.values.text ?? `(${because(text.withheld.text)})`;
    this.found.replaceChildren(
      values(reading, field === WHOLE ? Object.keys(reading.values) : [field]),
      ...(all === null ? [] : [h("p", {}, h("span", { class: "dim" }, "All text here: "), h("q", {}, all))]),
      h("p", { class: "dim" }, `${box[2]} × ${box[3]} pixels of ${clockTime(at)}, ${by(reading)}`));
  }

  stage(region, field = this.field.value) {
    const source = this.alone.checked ? this.at.source : null;
    this.changes.put(`region ${source} ${this.at.name} ${field}`, { kind: "region", task: this.at.name, field, region, source });
  }

  /** The regions as they are, with what is to be changed of them. */
  now() {
    const { regions } = this.at.document.sources.find((each) => each.id === this.at.source);
    const now = { ...this.at.task.regions, ...regions[this.at.name] };
    for (const each of this.changes.all()) {
      if (each.kind !== "region" || each.task !== this.at.name || ![null, this.at.source].includes(each.source)) continue;
      if (each.region === null) delete now[each.field];
      else now[each.field] = each.region;
    }
    return now;
  }

  showKnown() {
    const now = this.now();
    this.known.replaceChildren(...Object.entries(now).map(([name, region]) => {
      const place = h("div", { class: `at${name === this.field.value ? " chosen" : ""}${region[1] < 0.06 ? " high" : ""}` }, h("span", {}, named(name)));
      placed(place, region);
      return place;
    }));
    this.drop.disabled = !(this.field.value in now);
  }

  async suggest() {
    this.offers.replaceChildren(h("p", { class: "dim", role: "status" }, "Looking for every field; this takes a moment …"));
    try {
      const { tasks } = await send("/api/try/suggest", { source: this.at.source, task: this.at.name });
      this.offer(tasks[this.at.name]);
    } catch (error) {
      this.offers.replaceChildren(h("p", { class: "bad" }, error.message));
    }
  }

  offer(found) {
    const names = Object.keys(found?.regions ?? {});
    const lines = names.map((name) => h("li", {},
      h("button", { type: "button", class: "link", onclick: () => this.point(name, found.regions[name]) }, name),
      " ", h("span", { class: "value" }, said(found.values[name]))));
    const without = Object.entries(found?.without ?? {}).map(([name, why]) => h("li", { class: "dim" }, `${name}: none, ${because(why)}`));
    const none = found ? "No field was found: try it while the values are shown." : "This task looks at the whole picture.";
    const all = h("button", { type: "button", class: "primary", onclick: () => names.forEach((name) => this.stage(found.regions[name], name)) },
      "Use them all");
    this.offers.replaceChildren(names.length ? h("p", {}, "Found, and read alike inside its region:") : h("p", {}, none),
      h("ul", {}, ...lines, ...without), ...(names.length ? [all] : []));
  }

  point(field, region) {
    this.field.value = field;
    this.showKnown();
    this.pointing.set(region);
  }
}
