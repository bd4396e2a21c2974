// A task's prompt and schema, tried on the live picture before they are put among the changes.

import { h, mark } from "./dom.js";
import { values } from "./setup_region.js";
import { by, send } from "./setup_sending.js";

/** JSON for people: what is short and holds nothing nested stands in one line. */
function compact(value) {
  const text = JSON.stringify(value, null, 2);
  const oneLine = (part) => (part.length < 130 ? part.replace(/\n\s*/g, " ") : part);
  return text.replace(/\[\n[^[\]{}]*\]/g, (part) => oneLine(part).replace(/^\[ | \]$/g, (end) => end.trim()))
    .replace(/\{\n[^{}]*\}/g, oneLine);
}

export class TaskPanel {
  constructor(at, changes) {
    this.at = at;
    this.changes = changes;
    this.prompt = h("textarea", { rows: 3, maxlength: 10000, spellcheck: "false" });
    this.schema = h("textarea", { rows: 12, maxlength: 32000, spellcheck: "false", class: "code" });
    this.tried = h("div", { class: "found", role: "status" });
  }

  panel() {
    return h("section", { class: "card" }, h("h3", {}, "Prompt and schema"),
      h("label", { class: "wide" }, "Prompt", this.prompt), h("label", { class: "wide" }, "Schema of the answer (JSON)", this.schema),
      h("div", { class: "buttons" }, h("button", { type: "button", onclick: () => this.try() }, "Try on the live picture"),
        h("button", { type: "button", class: "primary", onclick: () => this.stage() }, "Use this prompt and schema")),
      this.tried);
  }

  show() {
    const { prompt, model_prompt: own, schema } = this.at.task;
    this.prompt.value = prompt ?? "";
    this.prompt.placeholder = own ?? "made of the names of the fields";
    this.schema.value = compact(schema);
    this.tried.replaceChildren();
  }

  typed() {
    try {
      return JSON.parse(this.schema.value);
    } catch (error) {
      throw new Error(`the schema is no JSON: ${error.message}`, { cause: error });
    }
  }

  async try() {
    mark(this.tried, "aria-busy", "true");
    try {
      const question = { source: this.at.source, task: this.at.name, prompt: this.prompt.value, schema: this.typed() };
      const { reading } = await send("/api/try/task", question);
      this.tried.replaceChildren(values(reading, Object.keys(reading.values)), h("p", { class: "dim" }, by(reading)));
    } catch (error) {
      this.fail(error);
    }
    mark(this.tried, "aria-busy", null);
  }

  stage() {
    try {
      const [{ prompt, schema }, task, wanted] = [this.at.task, this.at.name, this.typed()];
      const changes = new Map();
      if (this.prompt.value !== (prompt ?? "")) changes.set(`prompt ${task}`, { kind: "prompt", task, prompt: this.prompt.value || null });
      if (JSON.stringify(wanted) !== JSON.stringify(schema)) changes.set(`schema ${task}`, { kind: "schema", task, schema: wanted });
      if (changes.size === 0) throw new Error("both are as they are in the file");
      for (const [key, change] of changes) this.changes.put(key, change);
    } catch (error) {
      this.fail(error);
    }
  }

  fail(error) {
    this.tried.replaceChildren(h("p", { class: "bad" }, error.message));
  }
}
