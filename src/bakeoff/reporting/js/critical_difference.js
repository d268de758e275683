// Mean ranks over data sets as drawn by Demšar (2006): an axis, networks attached to it, and bars over those
// without a significant difference.

const MOST_RANKED = 24;
const TESTS = { nemenyi: "Nemenyi", holm: "Wilcoxon–Holm" };

const diagramOf = (choice) => DATA.diagrams.find(({ recipe }) => recipe === choice.recipe) ?? DATA.diagrams[0];

figures.critical = {
  title: "Mean ranks",
  coloured: true,
  how: "Further left is better; networks joined by a bar are not significantly different.",
  about: (choice) => `${diagramOf(choice).data.length} data sets, recipe ${diagramOf(choice).recipe}`,
  controls: () => [
    ...(DATA.diagrams.length > 1
      ? [{ name: "recipe", label: "Recipe", menu: true, options: DATA.diagrams.map(({ recipe }) => [recipe, recipe]) }]
      : []),
    ...(DATA.diagrams.some(({ groups }) => "holm" in groups)
      ? [{ name: "test", label: "Test", options: Object.entries(TESTS) }]
      : []),
  ],
  draw({ choice, width }) {
    const diagram = diagramOf(choice);
    const groups = diagram.groups[choice.test] ?? diagram.groups.nemenyi ?? [];
    const rows = Object.entries(diagram.ranks).map(([network, rank]) => ({
      network,
      rank,
      ...Object.fromEntries(diagram.data.map((data, i) => [data, diagram.places[network][i]])),
      groups: groups.flatMap((group, i) => (group.includes(network) ? [i + 1] : [])).join(" "),
    }));
    const columns = [
      { name: "network", text: "Network" },
      { name: "rank", text: "Mean rank", format: (value) => value.toFixed(2) },
      ...diagram.data.map((name) => ({ name, text: `Rank on ${name}`, format: format.decimal })),
      ...(groups.length ? [{ name: "groups", text: "Group without a significant difference" }] : []),
    ];
    const shown = rows.slice(0, MOST_RANKED);
    const chart = hang(shown, groups, Math.min(width, 760), choice.test === "holm" ? null : diagram.critical_difference);
    const notes = [
      ...diagram.notes,
      groups.length ? "Bars join networks without a significant difference." : "",
      rows.length > shown.length ? `The best ${shown.length} of ${rows.length} networks are shown.` : "",
    ];
    return { chart, rows, columns, note: notes.filter(Boolean).join(" ") };
  },
};

// The better half is labelled on the left, the others on the right.
function hang(rows, groups, width, distance) {
  const [most, least] = [Math.max(Math.ceil(rows.at(-1).rank), 2), 1];
  const side = Math.min(56 + 8 * d3.max(rows, (row) => row.network.length), 0.4 * width);
  const x = d3.scaleLinear([least, most], [side, width - side]);
  const bars = groups
    .map((group) => rows.filter((row) => group.includes(row.network)))
    .filter((own) => own.length > 1)
    .map((own) => d3.extent(own, (row) => row.rank));
  const axis = distance == null ? 28 : 58;
  const first = axis + 20 + 9 * bars.length;
  const half = Math.ceil(rows.length / 2);
  const height = first + 20 * half + 6;
  const svg = d3
    .create("svg")
    .attr("width", width)
    .attr("height", height)
    .attr("viewBox", [0, 0, width, height])
    .attr("fill", "currentColor");
  const line = (x1, y1, x2, y2, stroke, size = 1) =>
    svg
      .append("line")
      .attr("x1", x1)
      .attr("y1", y1)
      .attr("x2", x2)
      .attr("y2", y2)
      .attr("stroke", stroke)
      .attr("stroke-width", size);
  const text = (words, px, py, anchor, fill = "var(--ink)") =>
    svg.append("text").attr("x", px).attr("y", py).attr("text-anchor", anchor).attr("fill", fill).text(words);
  line(x(least), axis, x(most), axis, "var(--muted)");
  const every = Math.ceil((most - least) / Math.max(2, (width - 2 * side) / 28));
  for (const rank of d3.range(least, most + 1, every)) {
    line(x(rank), axis - 5, x(rank), axis, "var(--muted)");
    text(rank, x(rank), axis - 9, "middle", "var(--muted)");
  }
  if (distance != null) {
    const end = Math.min(least + distance, most);
    line(x(least), 22, x(end), 22, "var(--ink)", 1.5);
    for (const rank of least + distance > most ? [least] : [least, end]) line(x(rank), 18, x(rank), 26, "var(--ink)", 1.5);
    text(`critical difference ${distance.toFixed(2)}`, x(least), 12, "start", "var(--muted)");
  }
  bars.forEach(([from, to], i) => {
    const y = axis + 12 + 9 * i;
    line(x(from) - 4, y, x(to) + 4, y, "var(--ink)", 4).attr("stroke-linecap", "round").attr("stroke-opacity", 0.75);
  });
  rows.forEach((row, i) => {
    const left = i < half;
    const y = first + 20 * (left ? i : rows.length - 1 - i) + 8;
    const edge = left ? side - 8 : width - side + 8;
    const stroke = colour(row.network);
    svg
      .append("path")
      .attr("data-net", row.network)
      .attr("d", `M${x(row.rank)},${axis}V${y}H${edge}`)
      .attr("fill", "none")
      .attr("stroke", stroke)
      .attr("stroke-width", 1.25);
    svg.append("circle").attr("data-net", row.network).attr("cx", x(row.rank)).attr("cy", axis).attr("r", 3.5).attr("fill", stroke);
    const name = text("", left ? edge - 5 : edge + 5, y + 4, left ? "end" : "start");
    const [word, rank] = [fitting(side - 46, 8)(row.network), row.rank.toFixed(2)];
    for (const [part, fill] of left ? [[`${word} `], [rank, "var(--muted)"]] : [[`${rank} `, "var(--muted)"], [word]])
      name.append("tspan").attr("fill", fill ?? "var(--ink)").text(part);
  });
  return svg.node();
}
