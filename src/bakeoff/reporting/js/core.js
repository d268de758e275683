"use strict";
// What all scripts of the page share: the numbers, the chosen table, formats, small helpers for elements.

const DATA = JSON.parse(document.getElementById("data").textContent);
const figures = {}; // name → definition; figure.js draws them

// Seconds after which a page that follows a study loads itself anew, 0 for others; `kept` is what was chosen before.
const live = Number(document.documentElement.dataset.live ?? 0);
const kept = { choices: {}, ...before() };

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
  get table() {
    return this.tables.get(this.key);
  },
};

const THIN = "\u202f";
const format = {
  percent: (value, digits = 2) => (value == null ? "–" : `${(100 * value).toFixed(digits)}${THIN}%`),
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
    if (seconds < 3600) return `${+(seconds / 60).toPrecision(3)}${THIN}min`;
    return `${+(seconds / 3600).toPrecision(3)}${THIN}h`;
  },
  bytes: (value) =>
    value == null
      ? "–"
      : value >= 2 ** 30
        ? `${+(value / 2 ** 30).toPrecision(3)}${THIN}GiB`
        : `${+(value / 2 ** 20).toPrecision(3)}${THIN}MiB`,
  decimal: (value) => (value == null ? "–" : `${+value.toPrecision(4)}`),
};

// The colour of a network, the same all over the page and in both themes.
const colour = (label) => `var(--c${DATA.nets.indexOf(label) % 10})`;

const narrow = (width) => width < 560;

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

// A spreadsheet takes a text that begins like this for a formula; an apostrophe before it keeps it a text.
const csvCell = (value) => {
  const text = typeof value === "string" ? value.replace(/^[=+\-@＝＋－＠]/, "'$&") : value == null ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

const toCsv = (columns, rows) =>
  [columns.map((column) => column.name), ...rows.map((row) => columns.map((column) => row[column.name]))]
    .map((cells) => cells.map(csvCell).join(","))
    .join("\n") + "\n";
