// One source's live picture, and over it where the tasks look and what they found.

import { ask } from "./api.js";
import { h, mark, s, say } from "./dom.js";

const WIDTHS = [480, 640, 960, 1280, 1920];

/** Shows the newest picture while it can be seen by anybody; the loop ends with the element. */
export class Picture {
  constructor(source) {
    this.source = source;
    this.canvas = h("canvas", { role: "img", "aria-label": `live picture of ${source}` });
    this.overlay = s("svg", { class: "overlay", "aria-hidden": "true" });
    this.word = h("p", { class: "no-picture" }, "no picture yet");
    this.element = h("div", { class: "picture" }, this.canvas, this.overlay, this.word);
    this.isSeen = false;
    this.etag = null;
    this.everyMs = 1000;
    this.onframe = () => {};
    new IntersectionObserver((entries) => { this.isSeen = entries.at(-1).isIntersecting; }).observe(this.element);
    this.run();
  }

  async run() {
    do {
      const began = performance.now();
      if (this.isSeen && !document.hidden) await this.look().catch(() => say(this.word, "no picture comes"));
      await new Promise((resolve) => setTimeout(resolve, Math.max(50, this.everyMs - (performance.now() - began))));
    } while (this.element.isConnected);
  }

  async look() {
    const headers = this.etag === null ? {} : { "If-None-Match": this.etag };
    const wanted = this.element.clientWidth * devicePixelRatio;
    const width = WIDTHS.find((each) => each >= wanted) ?? WIDTHS.at(-1);
    const route = `/api/frame?source=${encodeURIComponent(this.source)}&format=jpeg&width=${width}`;
    const response = await ask(route, { headers });
    if (response.status === 200) {
      this.draw(await createImageBitmap(await response.blob()));
      this.etag = response.headers.get("ETag");
    } else if (response.status !== 304) {
      say(this.word, response.status === 503 ? "no picture yet" : "no picture comes");
      return;
    }
    this.told(response.headers);
  }

  draw(bitmap) {
    if (this.canvas.width !== bitmap.width || this.canvas.height !== bitmap.height) {
      [this.canvas.width, this.canvas.height] = [bitmap.width, bitmap.height];
    }
    this.canvas.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    mark(this.element, "data-live", true);
  }

  told(headers) {
    say(this.word, "");
    const size = headers.get("X-Frame-Size");
    if (size !== null) mark(this.overlay, "viewBox", `0 0 ${size.replace("x", " ")}`);
    this.onframe({ id: headers.get("X-Frame-Id"), at: headers.get("X-Captured-At") });
  }

  /** Draw rectangles: `{key, kind: "region" | "box", hue, label, box: [x, y, width, height]}` in the frame's pixels. */
  outline(rectangles, frameWidth) {
    const unit = frameWidth / 640;
    this.overlay.replaceChildren(...rectangles.map((each) => {
      const [x, y, width, height] = each.box;
      const shape = s("rect", { x, y, width, height, rx: 2 * unit });
      const label = s("text", { x: x + 3 * unit, y: Math.max(y - 3 * unit, 10 * unit), "font-size": 10 * unit }, each.label);
      return s("g", { class: `${each.kind} hue-${each.hue}`, "data-key": each.key }, shape, label);
    }));
  }

  /** Let one rectangle stand out: that of the field at which somebody points. */
  point(key) {
    for (const group of this.overlay.children) group.classList.toggle("pointed", group.dataset.key === key);
  }
}
