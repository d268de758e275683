// The networks in colour, the same in all charts and tables; all others are grey. And the one that is pointed at.

const COLOURS = 8; // that differ for colour-blind readers, too; see tests/reporting/test_colours.py
const FIRST = 6; // networks in colour at first, if there are more than colours
const DASHES = [null, "7 3", "2 3", "9 3 2 3", "1 2"];

const selection = {
  slots: new Map(), // label → slot, which is a colour and, from the ninth on, a dash
  has: (label) => selection.slots.has(label),
  add(label) {
    const used = new Set(selection.slots.values());
    selection.slots.set(label, d3.range(DATA.nets.length).find((slot) => !used.has(slot)));
  },
  set(labels) {
    selection.slots.clear();
    labels.forEach((label) => selection.add(label));
  },
  toggle(label) {
    if (!selection.slots.delete(label)) selection.add(label);
    selection.changed();
  },
  changed() {
    kept.nets = [...selection.slots.keys()];
    document.dispatchEvent(new Event("selection"));
    keepAddress();
  },
};

const usableFirst = () => {
  const flawed = new Set(DATA.tables.flatMap((table) => table.lines.filter((line) => line.flaw).map((line) => line.label)));
  return [...DATA.nets.filter((label) => !flawed.has(label)), ...DATA.nets.filter((label) => flawed.has(label))];
};
const isDefault = () => {
  const first = usableFirst().slice(0, DATA.nets.length > COLOURS ? FIRST : COLOURS);
  return first.length === selection.slots.size && first.every(selection.has);
};
selection.set(
  kept.nets?.filter((label) => DATA.nets.includes(label)) ??
    usableFirst().slice(0, DATA.nets.length > COLOURS ? FIRST : COLOURS),
);

const GREY = "var(--rest)";
const colour = (label) => (selection.has(label) ? `var(--c${selection.slots.get(label) % COLOURS})` : GREY);
const dash = (label) => DASHES[Math.floor((selection.slots.get(label) ?? 0) / COLOURS) % DASHES.length];

// Everything about the network that is pointed at or has the focus stands out, in every chart and table.
function point(label) {
  const root = document.documentElement;
  if ((root.dataset.hot ?? null) === label) return;
  document.querySelectorAll(".hot").forEach((element) => element.classList.remove("hot"));
  if (label == null) delete root.dataset.hot;
  else {
    root.dataset.hot = label;
    for (const element of document.querySelectorAll("[data-net]")) element.classList.toggle("hot", element.dataset.net === label);
  }
}

function startPointing() {
  const netOf = (event) => event.target.closest?.("[data-net]")?.dataset.net ?? null;
  document.addEventListener("pointerover", (event) => point(netOf(event)));
  document.addEventListener("focusin", (event) => event.target.matches(":focus-visible") && point(netOf(event)));
  document.addEventListener("focusout", () => point(null));
}

// A button that puts a network into colour, or out of it.
function chip(label) {
  const made = element(
    "button",
    { type: "button", class: "chip", "data-net": label, onclick: () => selection.toggle(label) },
    element("i", { class: "swatch" }),
    label,
  );
  showChoice(made);
  return made;
}

function showChoice(button) {
  const { net } = button.dataset;
  button.setAttribute("aria-pressed", String(selection.has(net)));
  const swatch = button.querySelector(".swatch") ?? button;
  swatch.style.setProperty("--swatch", colour(net));
}

// In tables the swatch of a network is such a button.
function startSwatches() {
  for (const swatch of document.querySelectorAll("tr[data-net] .swatch")) {
    const { net } = swatch.closest("tr").dataset;
    const button = element(
      "button",
      { type: "button", class: "pick", "data-net": net, title: "In colour in all charts", "aria-label": `${net} in colour`, onclick: () => selection.toggle(net) },
      element("i", { class: "swatch" }),
    );
    swatch.replaceWith(button);
    showChoice(button);
  }
  document.addEventListener("selection", () => document.querySelectorAll(".pick, .chip[data-net]").forEach(showChoice));
}
