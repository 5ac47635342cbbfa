// The owner's page: how the device is, what it has counted, what it is made of.

import { draw } from "./chart.js";
import { UNSURE_COLOR } from "./face.js";
import { ask, expression, load, number, text } from "./texts.js";

const STATUS_MS = 2000;
const HISTORY_MS = 60000;
const HOUR_MS = 3600000;

const $ = (id) => document.getElementById(id);
const language = document.documentElement.lang;
const looks = new Map();
let about = null;
let hasHistory = null;
let shown = null;

const [, told] = await Promise.all([load(), ask("/api/v1/about")]);
showAbout(told);

/** Other models may run, with other labels. */
function showAbout(now) {
  if (JSON.stringify(now) === JSON.stringify(about)) return;
  about = now;
  looks.clear();
  for (const look of about.labels) looks.set(look.name, look.color);
  const { model } = about;
  $("model-name").textContent = model.name;
  $("model-version").textContent = `mien-device ${about.version}`;
  $("model-detector").textContent = about.detector;
  $("model-date").textContent = model.date;
  $("model-data").textContent = model.data;
  $("model-licence").textContent = model.licence;
  $("model-notes").textContent = model.notes;
  const figures = model.figures.map(([name, value]) => {
    const item = document.createElement("li");
    item.textContent = `${name}: ${value.toLocaleString(language, { maximumFractionDigits: 4 })}`;
    return item;
  });
  $("model-figures").replaceChildren(...figures);
}

function duration(seconds) {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  if (hours >= 48) return `${number(Math.floor(hours / 24))} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min` : `${seconds} s`;
}

async function showStatus() {
  try {
    const paths = ["/api/v1/owner", "/api/v1/state", "/api/v1/about"];
    const answers = await Promise.all(paths.map((path) => fetch(path)));
    // Another token counts now: the device shows its form.
    if (answers.some((answer) => answer.status === 401)) location.reload();
    const [status, state, models] = await Promise.all(answers.map((answer) => answer.json()));
    showAbout(models);
    $("offline").hidden = true;
    const cameras = {
      starting: text("owner.camera.starting"), ok: text("owner.camera.ok"),
      lost: text("owner.camera.lost"), ended: text("owner.camera.ended"),
    };
    $("camera").textContent = cameras[status.camera];
    $("camera").classList.toggle("bad", status.camera === "lost");
    $("rate").textContent = number(status.frames_per_s, 1);
    $("faces").textContent = number(state.faces.length);
    $("temperature").textContent = status.temperature_c === null
      ? text("owner.temperature.none") : `${number(status.temperature_c)} °C`;
    $("temperature").classList.toggle("bad", status.temperature_c >= 80);
    $("uptime").textContent = duration(status.uptime_s);
    const isWell = status.degraded === null;
    $("counting").textContent = !status.counting
      ? text("owner.counting.off") : isWell ? text("owner.counting.on") : text("owner.counting.degraded");
    $("counting").classList.toggle("bad", !isWell);
    const trouble = [status.loss?.why, status.degraded].filter(Boolean).join(" · ");
    $("trouble").hidden = trouble === "";
    if ($("trouble").textContent !== trouble) $("trouble").textContent = trouble;
    $("losses").textContent = number(status.camera_losses);
    $("settings").textContent = status.settings;
    showLatency(status.latency);
    showUpdates(status.updates);
    if (hasHistory !== status.has_history) {
      hasHistory = status.has_history;
      showHistory();
    }
  } catch {
    $("offline").hidden = false;
  }
}

/** Where the models come from, how far a trial is, and what failed last. */
function showUpdates(updates) {
  $("updates").hidden = updates === null;
  const standings = {
    factory: text("owner.updates.factory"), named: text("owner.updates.named"),
    trial: text("owner.updates.trial"), confirmed: text("owner.updates.confirmed"),
  };
  const faults = {
    unusable: text("owner.updates.unusable"), crash_loop: text("owner.updates.crash_loop"),
    stall: text("owner.updates.stall"),
  };
  for (const [role, model] of Object.entries(updates ?? {})) {
    const parts = [standings[model.standing]];
    if (model.version !== null) {
      const values = { version: model.version, slot: model.slot };
      parts.unshift(text("owner.updates.version", values));
    }
    if (model.trial) {
      const { healthy_s, trial_s } = model.trial;
      parts.push(text("owner.updates.healthy", { healthy: healthy_s ?? 0, trial: trial_s }));
    }
    if (model.last_failure) {
      const { version, fault } = model.last_failure;
      parts.push(text("owner.updates.failed", { version, why: faults[fault] ?? fault }));
    }
    const line = parts.join(" · ");
    // Written again only when it changes, so that nobody's reading is interrupted.
    if ($(`update-${role}`).textContent !== line) $(`update-${role}`).textContent = line;
  }
}

function showLatency(latency) {
  const stages = {
    detect: text("owner.stage.detect"), track: text("owner.stage.track"),
    classify: text("owner.stage.classify"), smooth: text("owner.stage.smooth"),
  };
  const rows = Object.entries(latency).map(([stage, { p50_ms, p95_ms }]) => {
    const row = document.createElement("tr");
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = stages[stage] ?? stage;
    row.append(head);
    for (const ms of [p50_ms, p95_ms]) {
      const cell = document.createElement("td");
      cell.textContent = `${number(ms, ms < 0.1 ? 3 : 1)} ms`;
      row.append(cell);
    }
    return row;
  });
  $("latency").replaceChildren(...rows);
}

/** A day as `2026-11-23`, in local time. */
const iso = (date) =>
  `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;

const range = $("range");
const today = new Date();
range.to.value = iso(today);
range.from.value = iso(new Date(today.getFullYear(), today.getMonth(), today.getDate() - 13));

function address(format) {
  const query = new URLSearchParams({
    format, by: range.by.value, from: range.from.value, to: range.to.value,
  });
  return `/api/v1/export?${query}`;
}

async function showHistory() {
  $("export").hidden = !hasHistory;
  if (!hasHistory) {
    $("history-note").hidden = false;
    $("history-note").textContent = text("owner.history.none");
    return;
  }
  $("export-csv").href = address("csv");
  $("export-json").href = address("json");
  const note = $("history-note");
  try {
    const response = await fetch(address("json"));
    const body = await response.text();
    // The clock was set, the file is new: the same counts need not be drawn again.
    if (body === shown) return;
    shown = body;
    const rows = response.ok ? JSON.parse(body).filter((row) => row.start !== null) : [];
    const hasVisits = rows.some((row) => row.visits > 0);
    note.hidden = response.ok && hasVisits;
    note.textContent = response.ok ? text("owner.history.empty") : `${text("owner.history.failed")} ${body}`;
    for (const id of ["chart", "legend", "table-holder"]) $(id).hidden = !hasVisits;
    if (hasVisits) {
      showChart(rows);
      showTable(rows);
    }
  } catch {
    // `showStatus` says that there is no connection.
  }
}

/** The parts of a row: each expression, and those that stayed uncertain. */
function parts(row) {
  const known = Object.entries(row.expressions).map(([label, { visits }]) => ({
    label, name: expression(label), color: looks.get(label) ?? UNSURE_COLOR, value: visits ?? 0,
  }));
  return [...known, { label: null, name: text("uncertain"), color: UNSURE_COLOR, value: row.uncertain_visits ?? 0 }];
}

function showChart(rows) {
  const isHour = range.by.value === "hour";
  const all = isHour ? fill(rows, HOUR_MS) : fill(rows, 24 * HOUR_MS);
  const dates = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
  const every = Math.ceil(all.length / 14);
  const bars = all.map(({ time, row }, index) => {
    const day = dates.format(time);
    const hour = `${time.getHours()}:00`;
    const name = !isHour ? day : all.length <= 24 ? hour : time.getHours() === 0 ? day : "";
    const isShown = isHour && all.length > 24 ? name !== "" : index % every === 0;
    const filled = row ? parts(row) : [];
    const said = filled.filter((part) => part.value > 0).map((part) => `${part.name} ${number(part.value)}`);
    return {
      label: isShown ? name : "",
      title: `${day}${isHour ? ` ${hour}` : ""}: ${said.join(", ") || "0"}`,
      parts: filled,
    };
  });
  draw($("chart"), bars, { label: text("owner.history.label"), format: (value) => number(value) });
  const legend = parts(rows[0]).map((part) => {
    const item = document.createElement("li");
    const mark = document.createElement("i");
    mark.style.setProperty("--hue", part.color);
    item.append(mark, part.name);
    return item;
  });
  $("legend").replaceChildren(...legend);
}

/** A place for every hour or day from the first row to the last, also for those without a row. */
function fill(rows, stepMs) {
  const byTime = new Map(rows.map((row) => [new Date(row.start).getTime(), row]));
  const times = [...byTime.keys()].sort((a, b) => a - b);
  const all = [];
  let next = new Date(times[0]);
  while (next.getTime() <= times.at(-1) && all.length < 1000) {
    all.push({ time: new Date(next), row: byTime.get(next.getTime()) });
    // By the calendar: a day may have 23 or 25 hours.
    if (stepMs > HOUR_MS) next.setDate(next.getDate() + 1);
    else next = new Date(next.getTime() + stepMs);
  }
  return all;
}

function showTable(rows) {
  const columns = parts(rows[0]).map((part) => part.name);
  const line = (cells, name) => {
    const row = document.createElement("tr");
    cells.forEach((content, index) => {
      const cell = document.createElement(index === 0 || name === "th" ? "th" : "td");
      if (cell.tagName === "TH") cell.scope = name === "th" ? "col" : "row";
      cell.textContent = content;
      row.append(cell);
    });
    return row;
  };
  const times = new Intl.DateTimeFormat(language, range.by.value === "hour"
    ? { dateStyle: "short", timeStyle: "short" } : { dateStyle: "medium" });
  const head = document.createElement("thead");
  head.append(line([text("owner.history.time"), text("owner.history.visits"), ...columns], "th"));
  const body = document.createElement("tbody");
  for (const row of rows) {
    const values = parts(row).map((part) => number(part.value));
    body.append(line([times.format(new Date(row.start)), number(row.visits ?? 0), ...values], "td"));
  }
  $("table").replaceChildren(head, body);
}

range.addEventListener("change", () => {
  shown = null;
  showHistory();
});
range.addEventListener("submit", (event) => event.preventDefault());
showStatus();
setInterval(showStatus, STATUS_MS);
setInterval(showHistory, HISTORY_MS);
