// States taught with one click: the button says what the live picture shows now.

import { clockTime } from "./clock.js";
import { h } from "./dom.js";
import { send } from "./setup_sending.js";

const MOST_TAUGHT = 5;

export class StatePanel {
  constructor(at) {
    this.at = at;
    this.content = h("div", {});
    this.outcome = h("p", { class: "outcome", role: "status" });
  }

  panel() {
    return h("section", { class: "card" }, h("h3", {}, "States"), this.content, this.outcome);
  }

  show() {
    const fields = Object.entries(this.at.task.states);
    const hint = fields.length === 0 ? "This task tells no state." : !this.at.document.may_teach
      ? "The configuration keeps no pictures (capture.keep_frames: never), so none can be taught."
      : "One click teaches what the live picture shows now; one to five pictures of each state are enough.";
    this.content.replaceChildren(h("p", { class: "dim" }, hint), ...fields.flatMap(([field, labels]) => this.field(field, labels)));
  }

  field(field, labels) {
    const taught = this.at.task.taught.filter((each) => each.field === field);
    const buttons = labels.map((label) => {
      const count = taught.filter((each) => each.label === label).length;
      const isFull = count >= MOST_TAUGHT || !this.at.document.may_teach;
      return h("button", { type: "button", class: "teach", disabled: isFull, onclick: () => this.teach(field, label) },
        label, " ", h("small", {}, `${count} taught`));
    });
    const last = taught.at(-1);
    const undo = last && h("button", { type: "button", class: "link", onclick: () => this.forget(last) }, `Forget the last one (${last.label})`);
    return [h("h4", {}, field), h("div", { class: "buttons" }, ...buttons), undo ?? ""];
  }

  async teach(field, label) {
    await this.change(async () => {
      const learnt = await send("/api/setup/teach", { source: this.at.source, task: this.at.name, field, label });
      return `The picture of ${clockTime(learnt.captured_at)} is taught as “${label}”.`;
    });
  }

  async forget({ task, label, digest }) {
    await this.change(async () => {
      await send("/api/setup/forget", { task, digest });
      return `A picture of “${label}” is forgotten.`;
    });
  }

  say(text, tone = "") {
    this.outcome.replaceChildren(h("span", { class: tone }, text));
  }

  async change(act) {
    try {
      const text = await act();
      await this.at.refresh();
      this.say(text);
    } catch (error) {
      this.say(error.message, "bad");
    }
  }
}
