// The live events: reconnects by itself, and says at once when it is cut.

const QUIET_MS = 20000; // the daemon beats every 15 s where nothing else is said

/** Follow kinds of events; `heard(kind, data)` gets each, `cut()` and `back()` tell of the stream itself. */
export class Stream {
  constructor(kinds, { heard, cut, back }) {
    this.kinds = kinds;
    this.heard = heard;
    this.cut = cut;
    this.back = back;
    this.open();
    setInterval(() => { if (performance.now() - this.lastMs > QUIET_MS) this.again(); }, 1000);
  }

  open() {
    this.lastMs = performance.now();
    const source = this.source = new EventSource(`/events?topics=${this.kinds.join(",")}`);
    source.onopen = () => { this.alive(); this.back(); };
    source.onerror = () => {
      this.cut();
      if (source.readyState === EventSource.CLOSED) this.later();
    };
    source.addEventListener("heartbeat", () => this.alive());
    source.addEventListener("closing", () => { source.close(); this.open(); });
    for (const kind of this.kinds) {
      source.addEventListener(kind, (event) => { this.alive(); this.heard(kind, JSON.parse(event.data)); });
    }
  }

  alive() { this.lastMs = performance.now(); }

  /** Refused outright (too many listeners, no session): the browser does not try again by itself. */
  later() { setTimeout(() => { if (this.source.readyState === EventSource.CLOSED) this.open(); }, 3000); }

  again() {
    this.cut();
    this.source.close();
    this.open();
  }
}
