// Set-up by pointing: what is tried changes nothing; what is written was seen as a difference and approved.

import { get } from "./api.js";
import { byId, h } from "./dom.js";
import { Changes } from "./setup_changes.js";
import { RegionPanel } from "./setup_region.js";
import { StatePanel } from "./setup_states.js";
import { TaskPanel } from "./setup_task.js";

const INTRO = "Point at what is to be read. Nothing is changed before you have seen the difference and approved it.";

/** What is chosen, and what there is to choose from. */
class Chosen {
  constructor() {
    this.document = null;
    this.sources = h("select", { id: "setup-source", onchange: () => this.chooseSource() });
    this.tasks = h("select", { id: "setup-task", onchange: () => this.chooseTask() });
    this.changes = new Changes(this, () => this.region.showKnown());
    this.region = new RegionPanel(this, this.changes);
    this.states = new StatePanel(this);
    this.trial = new TaskPanel(this, this.changes);
  }

  get source() { return this.sources.value; }

  get name() { return this.tasks.value; }

  get task() { return this.document.tasks[this.name]; }

  draw(section) {
    section.append(h("p", { class: "dim" }, INTRO),
      h("div", { class: "choices" }, h("label", {}, "Source", this.sources), h("label", {}, "Task", this.tasks)),
      h("div", { class: "setup-grid" }, h("div", { class: "panels" }, this.region.picture(), this.changes.panel()),
        h("div", { class: "panels" }, this.region.panel(), this.states.panel(), this.trial.panel())));
  }

  async begin() {
    this.document = await get("/api/setup");
    this.sources.replaceChildren(...this.document.sources.map(({ id }) => h("option", { value: id }, id)));
    this.chooseSource();
    this.region.drawn(null, true);
    this.changes.show(null);
  }

  chooseSource() {
    const before = this.name;
    const { tasks } = this.document.sources.find(({ id }) => id === this.source);
    this.tasks.replaceChildren(...tasks.map((name) => h("option", { value: name }, name)));
    if (tasks.includes(before)) this.tasks.value = before;
    this.region.chooseSource();
    this.chooseTask();
  }

  chooseTask() {
    this.region.chooseTask();
    this.states.say("");
    this.states.show();
    this.trial.show();
  }

  /** Show what is there now; what is being typed stays. */
  async refresh() {
    this.document = await get("/api/setup");
    this.states.show();
    this.region.showKnown();
  }
}

async function begin(section) {
  const chosen = new Chosen();
  try {
    await chosen.begin();
    chosen.draw(section);
  } catch (error) {
    section.append(h("p", { class: "bad" }, `Set-up is not to be had: ${error.message}. Load the page again to try.`));
  }
}

begin(byId("setup"));
