// A live picture of one source, and one region on it that is drawn with the mouse, moved with keys or typed.

import { aged, clockTime } from "./clock.js";
import { h, say } from "./dom.js";

const LOOK_EVERY_MS = 500;
const STEP = 0.005;
const LEAST = 0.004;
const STEPS = 10000;
const START = [0.4, 0.4, 0.2, 0.1];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** In ten-thousandths of the picture, and never beyond its edge. */
function rounded([x, y, width, height]) {
  const place = (value) => Math.min(STEPS - LEAST * STEPS, Math.max(0, Math.round(value * STEPS)));
  const extent = (value, from) => Math.min(STEPS - from, Math.max(LEAST * STEPS, Math.round(value * STEPS)));
  const [left, top] = [place(x), place(y)];
  return [left, top, extent(width, left), extent(height, top)].map((steps) => steps / STEPS);
}

/** The rectangle with these two corners. */
function between(one, other) {
  return [Math.min(one[0], other[0]), Math.min(one[1], other[1]), Math.abs(one[0] - other[0]), Math.abs(one[1] - other[1])];
}

/** Put an element over a region of the picture that it lies on. */
export function placed(element, [x, y, width, height]) {
  Object.assign(element.style, {
    left: `${x * 100}%`, top: `${y * 100}%`, width: `${width * 100}%`, height: `${height * 100}%`,
  });
}

export class Pointing {
  /** `changed(region, isDone)` hears of each change; while the mouse still draws it is not done. */
  constructor(stage, changed) {
    this.stage = stage;
    this.changed = changed;
    this.region = null;
    this.source = null;
    this.canvas = stage.querySelector("canvas");
    this.box = stage.querySelector(".drawn");
    this.caption = stage.querySelector("figcaption");
    this.isSeen = false;
    this.surface = stage.querySelector(".surface");
    this.surface.addEventListener("pointerdown", (event) => this.begin(event));
    this.surface.addEventListener("keydown", (event) => this.key(event));
    new IntersectionObserver((entries) => { this.isSeen = entries.at(-1).isIntersecting; }).observe(stage);
    this.follow();
  }

  async follow() {
    for (;;) {
      if (this.isSeen && this.source !== null && !document.hidden) await this.look();
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  async look() {
    const source = this.source;
    try {
      const query = new URLSearchParams({ source, format: "jpeg", width: "1280" });
      const answer = await fetch(`/api/frame?${query}`, { cache: "no-cache" });
      if (!answer.ok) throw new Error((await answer.json()).error.message);
      const bitmap = await createImageBitmap(await answer.blob());
      if (source === this.source) this.show(bitmap, answer.headers.get("X-Captured-At"));
    } catch (error) {
      this.stage.classList.add("blind");
      say(this.caption, error instanceof TypeError ? "no answer from the daemon; this picture is old" : error.message);
    }
  }

  show(bitmap, capturedAt) {
    if (this.canvas.width !== bitmap.width) this.canvas.width = bitmap.width;
    if (this.canvas.height !== bitmap.height) this.canvas.height = bitmap.height;
    this.canvas.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    this.stage.classList.remove("blind");
    this.caption.replaceChildren(`captured at ${clockTime(capturedAt)}`,
      aged(h("span"), capturedAt, "", " ago"));
  }

  watch(source) {
    this.source = source;
    this.canvas.setAttribute("aria-label", `Live picture of source ${source}`);
  }

  set(region, isDone = true) {
    this.region = region === null ? null : rounded(region);
    this.box.hidden = region === null;
    if (region !== null) placed(this.box, this.region);
    this.changed(this.region, isDone);
  }

  point(event) {
    const around = this.surface.getBoundingClientRect();
    const inside = (value) => Math.min(1, Math.max(0, value));
    return [inside((event.clientX - around.left) / around.width), inside((event.clientY - around.top) / around.height)];
  }

  begin(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.surface.focus({ preventScroll: true });
    const start = this.point(event);
    const drag = this.dragOf(event.target, start);
    const stop = new AbortController();
    const move = (moved) => drag(this.point(moved), false);
    const end = (moved) => { stop.abort(); drag(this.point(moved), true); };
    this.surface.setPointerCapture(event.pointerId);
    this.surface.addEventListener("pointermove", move, { signal: stop.signal });
    this.surface.addEventListener("pointerup", end, { signal: stop.signal });
    this.surface.addEventListener("pointercancel", () => stop.abort(), { signal: stop.signal });
  }

  dragOf(target, start) {
    const before = this.region;
    if (before !== null && target.classList.contains("corner")) {
      return (to, isDone) => this.set(between([before[0], before[1]], to), isDone);
    }
    if (before !== null && target === this.box) {
      return (to, isDone) => this.move(before, to[0] - start[0], to[1] - start[1], isDone);
    }
    return (to, isDone) => {
      const drawn = between(start, to);
      if (drawn[2] >= LEAST && drawn[3] >= LEAST) this.set(drawn, isDone);
    };
  }

  move([x, y, width, height], right, down, isDone = true) {
    const inside = (value, extent) => Math.min(1 - extent, Math.max(0, value));
    this.set([inside(x + right, width), inside(y + down, height), width, height], isDone);
  }

  key(event) {
    const arrow = ARROWS[event.key];
    if (event.key === "Escape" && this.region !== null) {
      this.set(null);
    } else if (event.key === "Enter") {
      this.set(this.region ?? START);
    } else if (arrow) {
      const step = event.ctrlKey ? STEP / 5 : STEP;
      this.arrow(arrow[0] * step, arrow[1] * step, event.shiftKey);
    } else {
      return;
    }
    event.preventDefault();
  }

  arrow(right, down, isSize) {
    if (this.region === null) return this.set(START);
    const [x, y, width, height] = this.region;
    if (isSize) return this.set([x, y, width + right, height + down]);
    return this.move(this.region, right, down);
  }
}
