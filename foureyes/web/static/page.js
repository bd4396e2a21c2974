// The operator's page: who is asked what and how often, and who shows the answer.

import { refreshAlerts } from "./alerts.js";
import { get, Refused } from "./api.js";
import { startClock, sync } from "./clock.js";
import { refreshFaults } from "./faults.js";
import { takeFigures } from "./figures.js";
import { showFrame } from "./frame.js";
import { loadLog, takeLine } from "./log.js";
import { startPause, takePause } from "./pause.js";
import { takeParts } from "./servers.js";
import { catchUp, forget, takeComponents, takeReading, takeSources, whenFrameWanted } from "./sources.js";
import { isCut, takeBack, takeCut, takeHealth } from "./status.js";
import { Stream } from "./stream.js";
import { isLearned, learn } from "./words.js";

const KINDS = ["reading", "state", "server", "config", "pressure", "pause", "fault", "alert", "log"];

const SOON_MS = 100;

const asking = new Map();
const again = new Set();
let hurry = null;

async function health() {
  const askedMs = performance.now();
  const found = await get("/health", (status) => status === 200 || status === 503);
  sync(found.at, askedMs);
  takeBack();
  takeHealth(found);
  takeComponents(found.components);
  takeParts(found.components);
  takePause(found);
}

const sources = async () => takeSources(await get("/api/sources"));
const figures = async () => takeFigures(await get("/api/status"));

/** Ask now and again, as long as somebody looks; no answer at all is a daemon that is not there. */
function regularly(question, everyMs) {
  const turn = async () => {
    if (!document.hidden) await once(question);
    setTimeout(turn, everyMs);
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) once(question); });
  return turn();
}

/** Ask, never twice at a time: with a thousand sources answers are large, and changes come faster than they do. */
function once(question) {
  if (asking.has(question)) again.add(question);
  else asking.set(question, answered(question).finally(() => next(question)));
  return asking.get(question);
}

async function answered(question) {
  try {
    await question();
  } catch (refused) {
    if (!(refused instanceof Refused)) throw refused;
    if (refused.status === 0) takeCut();
  }
}

function next(question) {
  asking.delete(question);
  if (again.delete(question)) setTimeout(() => once(question), SOON_MS);
}

/** Something has changed: look soon, and once for all that changes at the same time. */
function soon() {
  hurry ??= setTimeout(() => {
    hurry = null;
    once(health);
    once(sources);
  }, SOON_MS);
}

function heard(kind, data) {
  if (kind === "reading") takeReading(data);
  else if (kind === "log") {
    takeLine(data);
    if (data.event.startsWith("triage.")) refreshFaults(); // a verdict, or a case that went on
  }
  else if (kind === "fault") refreshFaults();
  else if (kind === "alert") once(refreshAlerts);
  else {
    if (kind === "config") forget();
    soon();
  }
}

async function everything() {
  await once(async () => learn(await get("/api/words")));
  await Promise.all([once(health), once(sources), loadLog()]);
  catchUp();
  refreshFaults();
}

startClock();
whenFrameWanted(showFrame);
startPause(soon);
await everything();
new Stream(KINDS, {
  heard,
  cut: takeCut,
  back: () => { if (isCut() || !isLearned()) everything(); },
});
document.documentElement.dataset.started = "";
regularly(health, 2000);
regularly(sources, 3000);
regularly(figures, 5000);
regularly(refreshAlerts, 5000);
setInterval(refreshFaults, 30000);
