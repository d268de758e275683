// The frame of every figure: heading, controls, chart, note, its numbers as a table, and downloads.
//
// A definition is { title, controls(table), draw({ table, choice, width, shown }) → { chart, columns, rows, note } };
// `columns` are { name, text, format }, `rows` objects by column name, `chart` an SVG element or null when there is
// nothing to draw (`said` tells why). Other elements than SVG, such as pictures, are shown and speak for themselves;
// `beside` is an element that lies over the chart. A figure that is not about the chosen table says by `about(choice)`
// what it is about. With `legend: n` the reader chooses the networks, the n best to
// begin with; with `table: true` the numbers themselves are the figure.

const MOST_ROWS = 500;

function mount(place) {
  const name = place.dataset.figure;
  const definition = figures[name];
  const choice = (kept.choices[name] ??= {});
  const shown = new Set();
  const title = element("h3", { id: `figure-${name}` });
  const controls = element("div", { class: "controls" });
  const legend = element("div", {
    class: "legend",
    role: "group",
    "aria-label": "Networks shown",
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
    const table = page.table;
    controls.replaceChildren(...(definition.controls?.(table) ?? []).map(control));
    if (definition.legend) setUpLegend(table);
    draw();
  }

  function control({ name: field, label, options, menu, first }) {
    if (!options.some(([value]) => value === choice[field])) choice[field] = first ?? options[0]?.[0];
    const chosen = (event) => {
      choice[field] = event.target.value;
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

  function setUpLegend(table) {
    const labels = table.lines.map((line) => line.label);
    const before = choice.shown?.filter((label) => labels.includes(label)) ?? [];
    shown.clear();
    (before.length ? before : labels.slice(0, definition.legend)).forEach((label) => shown.add(label));
    legend.replaceChildren(
      ...labels.map((label) =>
        element(
          "button",
          {
            type: "button",
            class: "chip",
            "aria-pressed": String(shown.has(label)),
            onclick: (event) => {
              if (!shown.delete(label)) shown.add(label);
              choice.shown = [...shown];
              event.currentTarget.setAttribute("aria-pressed", String(shown.has(label)));
              draw();
            },
          },
          element("i", { class: "swatch", style: `--swatch: ${colour(label)}` }),
          label,
        ),
      ),
    );
  }

  function draw() {
    width = chart.clientWidth;
    if (!width) return;
    title.replaceChildren(definition.title, " ", element("span", {}, about()));
    drawn = definition.draw({ table: page.table, choice, width, shown });
    const isDrawing = drawn.chart instanceof SVGElement;
    if (isDrawing) {
      // The drawing is one image to a screen reader; Plot's names for its parts would be read as stray labels.
      for (const part of drawn.chart.querySelectorAll("[aria-label]")) {
        part.dataset.part = part.getAttribute("aria-label");
        part.removeAttribute("aria-label");
      }
      drawn.chart.setAttribute("role", "img");
      drawn.chart.setAttribute(
        "aria-label",
        `${definition.title}, ${about()}. Its numbers are in the table below.`,
      );
    }
    drawn.chart?.setAttribute("data-drawn", name);
    chart.replaceChildren(
      drawn.chart ??
        (definition.table && drawn.rows.length ? numbersTable() : element("p", { class: "said" }, drawn.said)),
      ...(drawn.beside ? [drawn.beside] : []),
    );
    note.textContent = drawn.note ?? "";
    buttons.forEach((button, i) => {
      button.hidden = i ? !isDrawing : !drawn.rows.length;
    });
    numbers.hidden = definition.table || !drawn.rows.length;
    fillNumbers();
  }

  function fillNumbers() {
    if (!drawn.rows) return;
    const { length } = drawn.rows;
    summary.textContent = `Numbers (${format.count(length)} ${length === 1 ? "row" : "rows"})`;
    const more = length > MOST_ROWS ? element("p", {}, `The first ${MOST_ROWS} rows; the CSV has all.`) : null;
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
            element("td", { class: side(column) }, (column.format ?? String)(row[column.name] ?? null)),
          ),
        ),
      );
    return element(
      "div",
      { class: "numbers", tabindex: "0", role: "region", "aria-label": `Numbers of ${definition.title}` },
      element("table", {}, element("thead", {}, head), element("tbody", {}, ...body)),
    );
  }

  const fileName = (ending) => `${name}-${about().replace(/[^\w.-]+/g, "-")}.${ending}`;
  function saveCsv() {
    save(fileName("csv"), new Blob([toCsv(drawn.columns, drawn.rows)], { type: "text/csv" }));
  }
  function saveSvg() {
    save(fileName("svg"), new Blob([standalone(drawn.chart)], { type: "image/svg+xml" }));
  }
  async function savePng() {
    save(fileName("png"), await toPng(drawn.chart));
  }

  new ResizeObserver(() => {
    if (chart.clientWidth && Math.abs(chart.clientWidth - width) > 1) draw();
  }).observe(chart);
  setUp();
  return setUp;
}

// A copy of a drawn SVG that needs no style sheet: what the page's variables say is written into it.
function standalone(svg) {
  const copy = svg.cloneNode(true);
  const kept = [
    "fill",
    "fill-opacity",
    "stroke",
    "stroke-width",
    "stroke-opacity",
    "stroke-dasharray",
    "opacity",
    "color",
    "font-family",
    "font-size",
    "font-weight",
    "font-variant-numeric",
    "text-anchor",
    "mix-blend-mode",
  ];
  const [from, to] = [
    [svg, ...svg.querySelectorAll("*")],
    [copy, ...copy.querySelectorAll("*")],
  ];
  from.forEach((node, i) => {
    const style = getComputedStyle(node);
    to[i].setAttribute("style", kept.map((property) => `${property}:${style.getPropertyValue(property)}`).join(";"));
  });
  copy.querySelectorAll("style, [aria-label=tip], [data-part=tip]").forEach((node) => node.remove());
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const back = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [key, value] of Object.entries({
    width: "100%",
    height: "100%",
    fill: getComputedStyle(document.body).backgroundColor,
  }))
    back.setAttribute(key, value);
  copy.prepend(back);
  return new XMLSerializer().serializeToString(copy);
}

async function toPng(svg) {
  const { width, height } = svg.getBoundingClientRect();
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(standalone(svg))}`;
  await image.decode();
  const canvas = element("canvas", { width: 2 * width, height: 2 * height });
  canvas.getContext("2d").drawImage(image, 0, 0, 2 * width, 2 * height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}
