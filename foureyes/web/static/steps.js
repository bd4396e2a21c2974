// The small history of one field: a stepped line for numbers, coloured stretches for anything else.

import { clockTime, now, span } from "./clock.js";
import { h, s } from "./dom.js";

const WIDTH = 120;
const HEIGHT = 22;
const MOST_STEPS = 120;
const HUES = 8;

const alike = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** The steps of one task; equal readings in a row are one. */
export class Steps {
  constructor() { this.steps = []; }

  load(steps) { this.steps = steps; }

  add(reading) {
    const last = this.steps.at(-1);
    if (last && last.until >= reading.published_at) return; // known already
    if (last && alike(last.values, reading.values) && alike(last.withheld, reading.withheld)) {
      last.until = reading.published_at;
      return;
    }
    this.steps.push({ since: reading.published_at, until: reading.published_at, values: reading.values,
      withheld: reading.withheld });
    if (this.steps.length > MOST_STEPS) this.steps.shift();
  }

  /** What one field showed: [{since, until, value}] in milliseconds, equal values in a row as one. */
  of(field) {
    const found = [];
    for (const step of this.steps) {
      const value = step.values[field] ?? null;
      const until = Date.parse(step.until);
      if (found.length && found.at(-1).value === value) found.at(-1).until = until;
      else found.push({ since: Date.parse(step.since), until, value });
    }
    return found;
  }
}

/** A picture of one field's history, with the same in words. */
export function sketch(steps) {
  if (steps.length === 0) return h("span", { class: "dim" }, "");
  const first = steps[0].since;
  const width = Math.max(steps.at(-1).until, now()) - first || 1;
  const at = (ms) => ((ms - first) / width) * WIDTH;
  const numbers = steps.map((step) => (step.value === null ? null : Number(step.value)));
  const isNumeric = numbers.some((each) => each !== null) && !numbers.some((each) => Number.isNaN(each))
    && steps.every((step) => typeof step.value !== "boolean");
  const svg = s("svg", { class: "sketch", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img",
    preserveAspectRatio: "none", "aria-label": inWords(steps, width) });
  svg.append(s("title", {}, inWords(steps, width)), ...(isNumeric ? line(steps, numbers, at) : stretches(steps, at)));
  return svg;
}

function inWords(steps, width) {
  const changes = steps.length - 1;
  const last = changes ? `, the last at ${clockTime(steps.at(-1).since)}` : "";
  return `${changes} ${changes === 1 ? "change" : "changes"} in ${span(width)}${last}`;
}

function line(steps, numbers, at) {
  const known = numbers.filter((each) => each !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const y = (value) => (high === low ? HEIGHT / 2 : HEIGHT - 3 - ((value - low) / (high - low)) * (HEIGHT - 6));
  let path = "";
  let isDown = false;
  steps.forEach((step, index) => {
    const value = numbers[index];
    if (value === null) { isDown = false; return; }
    const end = steps[index + 1]?.since ?? step.until;
    path += `${isDown ? "L" : "M"}${at(step.since).toFixed(1)} ${y(value).toFixed(1)}L${at(end).toFixed(1)} ${y(value).toFixed(1)}`;
    isDown = true;
  });
  return [s("path", { d: path, "vector-effect": "non-scaling-stroke" })];
}

function stretches(steps, at) {
  const names = [...new Set(steps.map((step) => step.value).filter((value) => value !== null))];
  return steps.map((step, index) => {
    const end = steps[index + 1]?.since ?? step.until;
    const hue = step.value === null ? "none" : names.indexOf(step.value) % HUES;
    return s("rect", { class: `hue-${hue}`, x: at(step.since), y: 6, height: HEIGHT - 12,
      width: Math.max(1, at(end) - at(step.since)) });
  });
}
