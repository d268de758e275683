// The frame of every figure: heading, controls, chart, note, table of its numbers, and downloads.
//
// A definition is { title, how, controls(table), draw({ table, choice, width, again }) → { chart, columns, rows, note, axis } };
// `how` says in a sentence how to read it, unless a drawing has its own; `columns` are { name, text, format }, `rows` objects by column name, `chart` an
// SVG element, or null if there is nothing to draw (`message` says why). Elements other than SVG, such as pictures, are
// shown without an image role; `preview` is an element on top of the chart, `axis` goes into the name of its files. A
// figure that does not show the selected table names its subject by `about(choice)`. With `legend` the networks in colour
// can be chosen; with `table: true` the table is the figure; with `marks: true` its marks can be reached by keyboard, else
// the keys step through its rows, and Enter is `act(row)`. `again(focus)` draws once more.

const MOST_ROWS = 500;

function mount(place) {
  const name = place.dataset.figure;
  const definition = figures[name];
  const choice = (kept.choices[name] ??= {});
  const own = (defaults[name] = {});
  const title = element("h3", { id: `figure-${name}` });
  const controls = element("div", { class: "controls" });
  const legend = element("div", {
    class: "legend",
    role: "group",
    "aria-label": "Networks in colour",
    hidden: !definition.legend,
  });
  const chart = element("div", { class: "chart" });
  const note = element("p");
  const summary = element("summary");
  const numbers = element("details", { ontoggle: fillNumbers }, summary);
  const buttons = [
    ["CSV", saveCsv],
    ["SVG", saveSvg],
    ["PNG", savePng],
  ].map(([kind, act]) =>
    element(
      "button",
      { type: "button", class: "quiet", onclick: act, "aria-label": `Save ${definition.title} as ${kind}` },
      kind,
    ),
  );
  place.replaceChildren(
    element(
      "figure",
      { "aria-labelledby": title.id },
      element("header", {}, title, controls),
      legend,
      chart,
      element("div", { class: "under" }, note, ...buttons, numbers),
    ),
  );
  let drawn = {},
    width = 0;
  const about = () => definition.about?.(choice) ?? page.table.title;

  function setUp() {
    const table = page.view;
    controls.replaceChildren(...(definition.controls?.(table) ?? []).filter(({ options }) => options.length).map(control), ...flawedSwitch());
    if (definition.legend) setUpLegend(table);
    draw();
  }

  function control({ name: field, label, options, menu, first }) {
    own[field] = first ?? options[0]?.[0];
    if (!options.some(([value]) => value === choice[field])) choice[field] = own[field];
    const chosen = (event) => {
      choice[field] = event.target.value;
      keepAddress();
      draw();
    };
    if (menu) {
      return element(
        "label",
        {},
        `${label} `,
        element(
          "select",
          { onchange: chosen },
          ...options.map(([value, text]) => element("option", { value, selected: value === choice[field] }, text)),
        ),
      );
    }
    return element(
      "fieldset",
      { class: "switch" },
      element("legend", { class: "unseen" }, label),
      ...options.map(([value, text]) =>
        element(
          "label",
          {},
          element("input", {
            type: "radio",
            name: `${name}-${field}`,
            value,
            checked: value === choice[field],
            onchange: chosen,
          }),
          element("span", {}, text),
        ),
      ),
    );
  }

  // Networks without a usable number are left out at first: they ruin every scale.
  function flawedSwitch() {
    const flawed = definition.about ? 0 : page.table.lines.filter((line) => line.flaw).length;
    if (!flawed || flawed === page.table.lines.length) return [];
    const box = element("input", {
      type: "checkbox",
      checked: page.flawed,
      onchange: () => {
        page.flawed = kept.flawed = box.checked;
        keepAddress();
        document.dispatchEvent(new Event("table"));
      },
    });
    return [element("label", { class: "flawed" }, box, ` with ${format.counted(flawed, "unusable network")}`)];
  }

  function setUpLegend(table) {
    const labels = table.lines.map((line) => line.label);
    const first = labels.length > 12 ? labels.filter(selection.has) : labels;
    const rest = labels.filter((label) => !first.includes(label));
    legend.replaceChildren(...first.map(chip));
    if (rest.length) {
      const more = element("details", { class: "more", open: choice.more, ontoggle: () => (choice.more = more.open) },
        element("summary", {}, `${rest.length} more`), element("div", { class: "legend" }, ...rest.map(chip)));
      legend.append(more);
    }
  }

  function draw() {
    place.hidden = false;
    width = chart.clientWidth;
    if (!width) return;
    const anchor = title.querySelector(".anchor");
    title.replaceChildren(definition.title, " ", element("span", {}, about()), ...(anchor ? [anchor] : []));
    drawn = definition.draw({ table: page.view, choice, width, again });
    const isDrawing = drawn.chart instanceof SVGElement;
    if (isDrawing) {
      // To a screen reader the chart is one image; Plot's labels of its parts would be read as stray text.
      // The labels of single marks are the networks they belong to.
      for (const part of drawn.chart.querySelectorAll("[aria-label]")) {
        part.dataset[part.tagName === "g" ? "part" : "net"] = part.getAttribute("aria-label");
        part.removeAttribute("aria-label");
      }
      for (const mark of drawn.chart.querySelectorAll("[data-say]")) mark.setAttribute("aria-label", mark.dataset.say);
      drawn.chart.setAttribute("role", definition.marks ? "group" : "application");
      if (!definition.marks) drawn.chart.setAttribute("aria-roledescription", "chart");
      drawn.chart.setAttribute(
        "aria-label",
        `${definition.title}, ${about()}. The numbers are in the table below.`,
      );
    }
    drawn.chart?.setAttribute("data-drawn", name);
    chart.replaceChildren(
      ...(drawn.before ? [drawn.before] : []),
      drawn.chart ??
        (definition.table && drawn.rows.length ? numbersTable() : element("p", { class: "message" }, drawn.message)),
      ...[drawn.preview, drawn.after, isDrawing && !definition.marks && readByKeys(drawn.chart, drawn)].filter(Boolean),
    );
    // What several figures lack for one reason is said once.
    place.dataset.message = drawn.chart || definition.table ? "" : drawn.message;
    place.hidden = Boolean(place.dataset.message) && [...document.querySelectorAll("[data-message]")].some((other) => other !== place && !other.hidden && other.dataset.message === place.dataset.message && other.compareDocumentPosition(place) & 4);
    const how = drawn.chart || (definition.table && drawn.rows.length) ? (drawn.how ?? definition.how) : null;
    note.replaceChildren(...(how ? [element("b", {}, how), " "] : []), drawn.note ?? "");
    buttons.forEach((button, i) => {
      button.hidden = i ? !isDrawing : !drawn.rows.length;
    });
    numbers.hidden = definition.table || !drawn.rows.length;
    fillNumbers();
  }

  // Draw once more, and put the focus back on what `focus` selects.
  function again(focus) {
    draw();
    if (focus) (chart.querySelector(focus) ?? chart.querySelector("[data-zoom]"))?.focus();
  }

  function fillNumbers() {
    if (!drawn.rows) return;
    const { length } = drawn.rows;
    summary.textContent = `Numbers (${format.counted(length, "row")})`;
    const more = length > MOST_ROWS ? element("p", {}, `The first ${MOST_ROWS} rows; the CSV file has all.`) : null;
    numbers.replaceChildren(summary, ...(numbers.open ? [numbersTable(), more].filter(Boolean) : []));
  }

  function numbersTable() {
    const { columns, rows } = drawn;
    const side = (column) => (column.format ? "number" : null);
    const head = element(
      "tr",
      {},
      ...columns.map((column) => element("th", { scope: "col", class: side(column) }, column.text)),
    );
    const body = rows
      .slice(0, MOST_ROWS)
      .map((row) =>
        element(
          "tr",
          {},
          ...columns.map((column) =>
            element("td", { class: side(column) }, column.show ? column.show(row) : (column.format ?? String)(row[column.name] ?? null)),
          ),
        ),
      );
    return element(
      "div",
      { class: "numbers", tabindex: "0", role: "region", "aria-label": `Numbers of ${definition.title}` },
      element("table", {}, element("thead", {}, head), element("tbody", {}, ...body)),
    );
  }

  const plain = (text) => text.replace(/[^\w.-]+/g, "-").replace(/^-+|-+$/g, "");
  const fileName = (ending) => `${[name, about(), drawn.axis].filter(Boolean).map(plain).join("_")}.${ending}`;
  function saveCsv() {
    const place = definition.about ? {} : { data: page.table.data, recipe: page.table.recipe };
    const more = Object.keys(place).filter((key) => !drawn.columns.some((column) => column.name === key));
    const rows = drawn.rows.map((row) => ({ ...place, ...row }));
    save(fileName("csv"), new Blob([toCsv([...more.map((key) => ({ name: key })), ...drawn.columns.filter((column) => !column.silent)], rows)], { type: "text/csv" }));
  }
  // Of a figure in the colours of networks, the legend names those that are in it.
  const toDrawing = () => {
    const seen = new Set([...drawn.chart.querySelectorAll("[data-net]")].map((mark) => mark.dataset.net));
    const legend = [...selection.slots.keys()].filter((label) => seen.has(label)).map((label) => [label, colour(label), dash(label)]);
    return standalone(drawn.chart, `${definition.title}: ${about()}`, legend);
  };
  function saveSvg() {
    save(fileName("svg"), new Blob([toDrawing().text], { type: "image/svg+xml" }));
  }
  async function savePng() {
    save(fileName("png"), await toPng(toDrawing()));
  }

  new ResizeObserver(() => {
    if (chart.clientWidth && Math.abs(chart.clientWidth - width) > 1) draw();
  }).observe(chart);
  document.addEventListener("selection", () => {
    if (definition.legend) setUpLegend(page.view);
    if (definition.coloured) draw();
  });
  document.addEventListener("table", setUp);
  setUp();
}
