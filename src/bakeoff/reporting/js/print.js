// On paper: what is folded in the answers, and below each ranking two small charts of its data set.

const PRINTED_WIDTH = 680; // of A4 and Letter within the margins of the style, in pixels

function chartsForPaper(key) {
  const shown = page.key;
  page.key = key; // the formats of numbers depend on the table
  const table = page.view;
  const [cost, curves] = [figures.cost, figures.curves];
  const first = (own) => Object.fromEntries(own.controls(table).map(({ name, options }) => [name, options[0]?.[0]]));
  const drawn = [
    cost.draw({ table, choice: { ...first(cost), height: 165 }, width: 0.43 * PRINTED_WIDTH }),
    curves.draw({ table, choice: { ...first(curves), height: 165 }, width: 0.55 * PRINTED_WIDTH }),
  ];
  page.key = shown;
  return drawn.map(({ chart }) => chart).filter(Boolean);
}

function startPrinting() {
  let opened = [];
  const charts = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("#answer details:not([open])")];
    opened.forEach((own) => (own.open = true));
    for (const { key } of DATA.tables) {
      const place = element("div", { class: "printed charts-printed", "aria-hidden": "true" }, ...chartsForPaper(key));
      document.getElementById(`table-${key}`).append(place);
      charts.push(place);
    }
  });
  addEventListener("afterprint", () => {
    opened.forEach((own) => (own.open = false));
    charts.splice(0).forEach((place) => place.remove());
  });
}
