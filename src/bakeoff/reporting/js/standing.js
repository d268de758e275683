// Standing over data sets: ratings as in chess, with intervals, and win rates.

figures.standing = {
  title: "Ratings over data sets",
  how: "Further right is better; 400 points more mean winning ten times as often, and networks whose bars overlap may be equal.",
  coloured: true,
  about: (choice) => `${diagramOf(choice).data.length} data sets, recipe ${diagramOf(choice).recipe}`,
  controls: () =>
    DATA.diagrams.length > 1
      ? [{ name: "recipe", label: "Recipe", menu: true, options: DATA.diagrams.map(({ recipe }) => [recipe, recipe]) }]
      : [],
  draw({ choice, width }) {
    const diagram = diagramOf(choice);
    const rows = Object.entries(diagram.standing).map(([network, own]) => ({ network, ...own, rank: diagram.ranks[network] }));
    const columns = [
      { name: "network", text: "Network" },
      { name: "rating", text: "Rating", format: format.count },
      { name: "low", text: "Low", format: format.count },
      { name: "high", text: "High", format: format.count },
      { name: "win_rate", text: "Win rate", format: (value) => format.percent(value, 1) },
      { name: "rank", text: "Mean rank", format: (value) => value.toFixed(2) },
    ];
    if (!rows.length) return { chart: null, rows, columns, message: "Too many networks for ratings." };
    const { margin, written } = besideNames(
      rows.map((d) => d.network),
      width,
    );
    const chart = Plot.plot({
      width,
      height: 48 + 24 * rows.length,
      marginLeft: margin,
      marginRight: 62,
      marginTop: 28,
      marginBottom: 10,
      x: { axis: "top", grid: true, nice: true, tickSize: 0, ticks: narrow(width) ? 3 : 8, label: null, tickFormat: format.count },
      y: { domain: rows.map((d) => d.network), label: null, tickSize: 0, tickFormat: written },
      color: { type: "identity" },
      marks: [
        Plot.ruleY(rows, { y: "network", x1: "low", x2: "high", ariaLabel: "network", stroke: (d) => colour(d.network), strokeWidth: 2, strokeOpacity: 0.5 }),
        Plot.dot(rows, { x: "rating", y: "network", r: 5, ariaLabel: "network", fill: (d) => colour(d.network), stroke: "var(--paper)" }),
        Plot.text(rows, { y: "network", frameAnchor: "right", textAnchor: "start", dx: 8, text: (d) => format.percent(d.win_rate, 0), fill: "var(--muted)" }),
        Plot.tip(rows, Plot.pointerY({ x: "rating", y: "network", title: (d) => `${d.network}\nrating ${format.count(d.rating)}, ${format.count(d.low)} to ${format.count(d.high)}\nwins ${format.percent(d.win_rate, 1)} of all comparisons` })),
      ],
    });
    const alike = rows.some((row) => row.low === row.high)
      ? " No bar is not certainty: on all of these few data sets, the network won against the same ones."
      : "";
    const note = `Bradley–Terry ratings, mean 1000; bars: 95${THIN}% intervals of a bootstrap over data sets.${alike} Right: share of all comparisons won.`;
    return { chart, rows, columns, note };
  },
};
