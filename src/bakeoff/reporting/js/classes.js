// Accuracy by class and network, and the confusion matrix.

// A tint of `name` over the page's surface, 0 to 1.
const tint = (name, share) =>
  `color-mix(in oklab, var(--${name}) ${Math.round(100 * Math.min(Math.max(share, 0), 1))}%, var(--surface))`;
const onTint = (share) => (share > 0.55 ? "#151719" : "var(--ink)"); // dark on a strong tint, whatever the theme

const SHOWN_CLASSES = 30;

figures.classes = {
  title: "Accuracy by class",
  how: "Dark cells are classes that a network often gets wrong; click one to see its errors.",
  controls: (table) =>
    table.classes.length > 2
      ? [
          {
            name: "order",
            label: "Order of the classes",
            options: [
              ["own", "Original order"],
              ["hardest", "Hardest first"],
            ],
          },
          ...(table.classes.length > SHOWN_CLASSES
            ? [
                {
                  name: "how",
                  label: "How many",
                  options: [
                    ["some", `Hardest ${SHOWN_CLASSES}`],
                    ["all", "All"],
                  ],
                },
              ]
            : []),
        ]
      : [],
  draw({ table, choice, width }) {
    const lines = table.lines.filter((line) => line.pooled);
    const columns = [
      { name: "class", text: "Class" },
      { name: "network", text: "Network" },
      { name: "accuracy", text: "Accuracy", format: format.accuracy },
      { name: "correct", text: "Correct", format: format.count },
      { name: "images", text: "Of", format: format.count },
    ];
    const rows = lines.flatMap(({ label, pooled }) =>
      table.classes.map((name, i) => ({
        class: name,
        network: label,
        accuracy: pooled.images[i] ? pooled.correct[i] / pooled.images[i] : null,
        correct: pooled.correct[i],
        images: pooled.images[i],
      })),
    );
    if (!rows.length) return { chart: null, rows, columns, message: "No run has finished yet." };
    const mean = d3.rollup(
      rows,
      (own) => d3.mean(own, (d) => d.accuracy) ?? 2,
      (d) => d.class,
    );
    const hardest = d3.sort(table.classes, (name) => mean.get(name));
    const some = choice.how === "some" ? hardest.slice(0, SHOWN_CLASSES) : hardest;
    const order = choice.order === "hardest" ? some : table.classes.filter((name) => some.includes(name));
    const cells = rows.filter((d) => order.includes(d.class) && d.accuracy != null);
    const worst = Math.max(
      d3.max(cells, (d) => 1 - d.accuracy),
      0.05,
    );
    const share = (d) => (0.85 * (1 - d.accuracy)) / worst;
    const left = Math.min(16 + 7.2 * d3.max(order, (name) => name.length), 0.3 * width);
    const longest = d3.max(lines, (line) => line.label.length);
    const slanted = longest * 6.6 > (width - left) / lines.length - 4;
    const right = slanted ? Math.min(4.6 * longest, 0.26 * width) : 0;
    const cell = (width - left - right) / lines.length;
    const top = slanted ? Math.min(12 + 4.8 * longest, 110) : 28;
    const chart = Plot.plot({
      width,
      height: top + 8 + 28 * order.length,
      marginLeft: left,
      marginRight: right,
      marginTop: top,
      marginBottom: 8,
      x: {
        domain: lines.map((line) => line.label),
        axis: "top",
        label: null,
        padding: 0,
        tickSize: 0,
        tickRotate: slanted ? -45 : 0,
        tickFormat: slanted ? fitting((right + cell / 2) / Math.SQRT1_2, 6.6) : String,
      },
      y: { domain: order, label: null, padding: 0, tickSize: 0, tickFormat: fitting(left - 16) },
      color: { type: "identity" },
      marks: [
        Plot.cell(cells, { x: "network", y: "class", fill: (d) => tint("warm", share(d)), inset: 1, rx: 2 }),
        cell > 34
          ? Plot.text(cells, {
              x: "network",
              y: "class",
              text: (d) => rounded(100 * d.accuracy, 1),
              fill: (d) => onTint(share(d)),
            })
          : null,
        Plot.tip(
          cells,
          Plot.pointer({
            x: "network",
            y: "class",
            title: (d) =>
              `${d.network}\n${d.class}: ${format.percent(d.accuracy, 1)}\n${format.count(d.correct)} of ${format.count(d.images)} images`,
          }),
        ),
      ],
    });
    const act = (d) => showErrors(table, lines.find((line) => line.label === d.network), table.classes.indexOf(d.class));
    onMark(chart, act);
    return {
      chart,
      act,
      rows,
      columns,
      before: colourKey(0, 0.85, format.percent(1, 0), format.percent(1 - worst, 0)),
      note: `Accuracy on the test images of each class in percent, over all finished seeds. Stronger colours mean more errors. Hardest on average: ${hardest.slice(0, 3).join(", ")}.`,
    };
  },
};
