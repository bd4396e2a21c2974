// What is read from a picture is data: it is only ever set as text.
"use strict";

const readings = new Map();

function row(...cells) {
  const line = document.createElement("tr");
  cells.forEach((text, index) => {
    const cell = document.createElement(index === 0 ? "th" : "td");
    cell.textContent = text;
    line.append(cell);
  });
  return line;
}

function shown(reading, field) {
  const value = reading.values[field];
  return value === null ? `(${reading.withheld[field]})` : String(value);
}

function table(reading) {
  const made = document.createElement("table");
  const caption = made.createCaption();
  const age = reading.read_at === null ? "not read" : `${((Date.now() - Date.parse(reading.read_at)) / 1000).toFixed(1)} s old`;
  caption.textContent = `${reading.source} / ${reading.task}: ${reading.origin ?? "no model"}, ${age}`;
  made.append(...Object.keys(reading.values).map((field) => row(field, shown(reading, field))));
  return made;
}

function draw() {
  const all = [...readings.keys()].sort().map((key) => table(readings.get(key)));
  document.getElementById("readings").replaceChildren(...all);
}

function say(text, bad) {
  const status = document.getElementById("status");
  status.textContent = text;
  status.className = bad ? "bad" : "";
}

async function refresh() {
  try {
    const health = await (await fetch("/health")).json();
    say(`${health.status}, up ${Math.round(health.uptime_s)} s, version ${health.version}`, health.status !== "ok");
    const parts = Object.entries(health.components).map(([name, part]) => row(name, part.state, part.reason ?? ""));
    document.querySelector("#parts tbody").replaceChildren(...parts);
  } catch {
    say("the daemon does not answer", true);
  }
  draw();
}

const events = new EventSource("/events");
events.addEventListener("reading", (event) => {
  const reading = JSON.parse(event.data);
  readings.set(`${reading.source}/${reading.task}`, reading);
});
events.addEventListener("config", () => readings.clear());
refresh();
setInterval(refresh, 1000);
