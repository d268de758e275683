"use strict";
// Shared by all scripts of the page: data, the selected table, formats, and helpers for elements.

const DATA = JSON.parse(document.getElementById("data").textContent);
const figures = {}; // name → definition; figure.js draws them

// Seconds between reloads of a live page, 0 for a static one; `kept` holds the choices made before a reload.
const live = Number(document.documentElement.dataset.live ?? 0);
const kept = { choices: {}, ...addressed(), ...before() };

// The state that the address asks for: #section&data=t2&nets=conv,drop&cost.cost=flops
function addressed() {
  const found = { choices: {} };
  for (const pair of location.hash.slice(1).split("&").slice(1)) {
    const [key, value] = pair.split("=").map(decodeURIComponent);
    const [figure, field] = key.split(".");
    if (key === "data") found.scope = value;
    else if (key === "nets") found.nets = value.split(",").map(decodeURIComponent);
    else if (key === "sort") found.sort = value;
    else if (key === "all") found.flawed = true;
    else if (field) (found.choices[figure] ??= {})[field] = value;
  }
  return found;
}

function before() {
  try {
    return live ? JSON.parse(sessionStorage.getItem("bakeoff-live")) : null;
  } catch {
    return null;
  }
}

const page = {
  tables: new Map(DATA.tables.map((table) => [table.key, table])),
  key: (DATA.tables.find((table) => table.key === kept.scope) ?? DATA.tables[0]).key,
  flawed: Boolean(kept.flawed), // whether charts show networks without a usable number
  get table() {
    return this.tables.get(this.key);
  },
  // The table as charts show it.
  get view() {
    const { table } = this;
    const usable = table.lines.filter((line) => !line.flaw);
    if (this.flawed || !usable.length || usable.length === table.lines.length) return table;
    const labels = new Set(usable.map((line) => line.label));
    return { ...table, lines: usable, runs: table.runs.filter((run) => labels.has(run.label)) };
  },
};

const THIN = "\u202f";
const minus = (text) => text.replace(/^-(0(?:\.0*)?)$/, "$1").replace("-", "\u2212"); // and no minus zero
// Half away from zero, as `text/formats.py` does.
const rounded = (value, digits) =>
  ((Math.sign(value) * Math.floor(Math.abs(value) * 10 ** digits + 0.5 + 1e-9)) / 10 ** digits).toFixed(digits);

const format = {
  // Two decimals by default, or as many as the test images of the table can tell (`accuracy`).
  percent: (value, digits = 2) => (value == null ? "–" : `${minus(rounded(100 * value, digits))}${THIN}%`),
  accuracy: (value) => format.percent(value, page.table.digits),
  points: (value) => (value == null ? "–" : minus(`${value > 0 ? "+" : ""}${rounded(100 * value, Math.max(page.table.digits, 1))}`)),
  // After its difference: " [−2.7, 11.1]".
  bracket: (low, high) => ` [${[low, high].map((value) => minus(rounded(100 * value, Math.max(page.table.digits, 1)))).join(", ")}]`,
  // As Python's .2g: 0.051, 2e-05.
  pValue: (value) => (value < 1e-12 ? "< 1e-12" : value < 1e-4 ? value.toExponential(1).replace(".0e", "e").replace(/e-(\d)$/, "e-0$1") : `${+value.toPrecision(2)}`),
  count: (value) => (value == null ? "–" : Math.round(value).toLocaleString("en-GB")),
  short: (value) => {
    if (value == null) return "–";
    const [size, unit] = [
      [1e12, "T"],
      [1e9, "G"],
      [1e6, "M"],
      [1e3, "k"],
    ].find(([size]) => value >= 0.9995 * size) ?? [1, ""];
    return `${+(value / size).toPrecision(3)}${unit && THIN + unit}`;
  },
  duration: (seconds) => {
    if (seconds == null) return "–";
    if (seconds < 100) return `${+seconds.toPrecision(3)}${THIN}s`;
    if (seconds < 5400) return `${+(seconds / 60).toPrecision(3)}${THIN}min`;
    if (seconds < 172800) return `${+(seconds / 3600).toPrecision(3)}${THIN}h`;
    return `${+(seconds / 86400).toPrecision(3)}${THIN}days`;
  },
  // At ticks, which are round: whole minutes and hours.
  clock: (seconds) => {
    const [size, unit] = [[86400, "days"], [3600, "h"], [60, "min"]].find(([size]) => seconds >= 2 * size && (2 * seconds) % size === 0) ?? [1, "s"];
    return `${+(seconds / size).toPrecision(6)}${THIN}${unit}`;
  },
  share: (value) => (value == null ? "–" : `${minus(`${+(100 * value).toPrecision(4)}`)}${THIN}%`),
  bytes: (value) => {
    if (value == null) return "–";
    const power = Math.min(Math.max(Math.floor(Math.log2(Math.max(value, 1)) / 10), 0), 4);
    return `${+(value / 1024 ** power).toPrecision(3)}${THIN}${["B", "KiB", "MiB", "GiB", "TiB"][power]}`;
  },
  counted: (value, noun) => `${format.count(value)} ${noun}${value === 1 ? "" : "s"}`,
  decimal: (value) => (value == null ? "–" : minus(`${+value.toPrecision(4)}`)),
};

const narrow = (width) => width < 560;
const shorten = (text, letters) => (text.length > letters ? `${text.slice(0, letters - 1)}…` : text);
// For names beside or above a chart that has so many pixels for them.
const fitting = (pixels, letter = 7.2) => (name) => shorten(name, Math.max(Math.floor(pixels / letter + 0.01), 4));
// The margin for names left of a chart, at most two fifths of it, and how to write them there.
const besideNames = (names, width) => {
  const margin = Math.min(14 + 7.6 * d3.max(names, (name) => name.length), 0.4 * width);
  return { margin, written: fitting(margin - 14, 7.6) };
};

// element("a", { href: "#x" }, "text", child, …)
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value != null && value !== false) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

function save(name, blob) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// Spreadsheets read text that begins like this as a formula; an apostrophe prevents it.
const csvCell = (value) => {
  const text = typeof value === "string" ? value.replace(/^[=+\-@＝＋－＠]/, "'$&") : value == null ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

const toCsv = (columns, rows) =>
  [columns.map((column) => column.name), ...rows.map((row) => columns.map((column) => row[column.name]))]
    .map((cells) => cells.map(csvCell).join(","))
    .join("\n") + "\n";
