// Accuracy by class and network, and which classes are taken for which.

// A tint of `name` over the page's surface, 0 to 1.
const tint = (name, share) =>
  `color-mix(in oklab, var(--${name}) ${Math.round(100 * Math.min(Math.max(share, 0), 1))}%, var(--surface))`;
const onTint = (share) => (share > 0.55 ? "#151719" : "var(--ink)"); // dark on a strong tint, whatever the theme

const SHOWN_CLASSES = 30;

figures.classes = {
  title: "Accuracy by class",
  controls: (table) =>
    table.classes.length > 2
      ? [
          {
            name: "order",
            label: "Order of the classes",
            options: [
              ["own", "Own order"],
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
      { name: "accuracy", text: "Accuracy", format: format.percent },
      { name: "correct", text: "Right", format: format.count },
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
    if (!rows.length) return { chart: null, rows, columns, said: "No run has finished here yet." };
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
    const left = Math.min(14 + 7 * d3.max(order, (name) => name.length), 0.3 * width);
    const cell = (width - left) / lines.length;
    const slanted = d3.max(lines, (line) => line.label.length) * 6.6 > cell - 4;
    const top = slanted ? Math.min(12 + 4.8 * d3.max(lines, (line) => line.label.length), 110) : 28;
    const chart = Plot.plot({
      width,
      height: top + 8 + 28 * order.length,
      marginLeft: left,
      marginRight: slanted ? 24 : 0,
      marginTop: top,
      marginBottom: 8,
      x: {
        domain: lines.map((line) => line.label),
        axis: "top",
        label: null,
        padding: 0,
        tickSize: 0,
        tickRotate: slanted ? -45 : 0,
      },
      y: { domain: order, label: null, padding: 0, tickSize: 0 },
      color: { type: "identity" },
      marks: [
        Plot.cell(cells, { x: "network", y: "class", fill: (d) => tint("warm", share(d)), inset: 1, rx: 2 }),
        cell > 34
          ? Plot.text(cells, {
              x: "network",
              y: "class",
              text: (d) => (100 * d.accuracy).toFixed(1),
              fill: (d) => onTint(share(d)),
            })
          : null,
        Plot.tip(
          cells,
          Plot.pointer({
            x: "network",
            y: "class",
            title: (d) =>
              `${d.network}\n${d.class}: ${format.percent(d.accuracy)}\n${format.count(d.correct)} of ${format.count(d.images)} images`,
          }),
        ),
      ],
    });
    return {
      chart,
      rows,
      columns,
      note: `Percent of each class’s test images got right, all finished seeds together. The stronger the colour, the more errors. Hardest on average: ${hardest.slice(0, 3).join(", ")}.`,
    };
  },
};

figures.confusion = {
  title: "What is taken for what",
  controls: (table) => [
    {
      name: "network",
      label: "Network",
      menu: true,
      options: table.lines.filter((line) => line.pooled).map((line) => [line.label, line.label]),
    },
  ],
  draw({ table, choice, width }) {
    const line = table.lines.find((own) => own.label === choice.network && own.pooled);
    const columns = [
      { name: "true", text: "True class" },
      { name: "taken", text: "Taken for" },
      { name: "images", text: "Images", format: format.count },
      { name: "share", text: "Of the class", format: format.percent },
    ];
    if (!line) return { chart: null, rows: [], columns, said: "No run has finished here yet." };
    const { confusion, images, pairs } = line.pooled;
    const size = table.classes.length;
    const told = pairs.length
      ? `Most often: ${pairs
          .slice(0, 3)
          .map(([a, b, n, share]) => `${a} taken for ${b} (${format.count(n)} images, ${format.percent(share, 1)})`)
          .join("; ")}.`
      : "Not one error.";
    const note = `${told} Summed over ${line.seeds === 1 ? "one seed" : `${line.seeds} seeds`}.`;
    if (!confusion) {
      return {
        chart: null,
        columns,
        note,
        rows: pairs.map(([a, b, n, share]) => ({ true: a, taken: b, images: n, share })),
        said: `${size} classes are too many to draw: the commonest errors are in the table.`,
      };
    }
    const all = d3
      .range(size * size)
      .map((k) => ({ i: Math.floor(k / size), j: k % size, images: confusion[k] }))
      .filter((d) => images[d.i])
      .map((d) => ({ ...d, true: table.classes[d.i], taken: table.classes[d.j], share: d.images / images[d.i] }));
    const errors = all.filter((d) => d.i !== d.j);
    const worst = Math.max(d3.max(errors, (d) => d.share) ?? 0, 0.05);
    const strength = (d) => (d.i === d.j ? 0 : 0.9 * Math.sqrt(d.share / worst));
    const left = Math.min(24 + 7 * d3.max(table.classes, (name) => name.length), 0.3 * width);
    const whole = Math.min(width, 60 + left + 64 * size, 760);
    const cell = (whole - left) / size;
    const slanted = d3.max(table.classes, (name) => name.length) * 6.6 > cell - 2;
    const top = (slanted ? Math.min(16 + 5.2 * d3.max(table.classes, (name) => name.length), 110) : 28) + 18;
    const ticks = size > 30 ? { tickFormat: (name, i) => (size > 40 && i % 2 ? "" : name) } : {};
    const chart = Plot.plot({
      width: whole,
      height: top + 8 + Math.max(cell, 6) * size * (narrow(width) || size > 20 ? 1 : 0.72),
      marginLeft: left,
      marginTop: top,
      marginRight: slanted ? 20 : 0,
      marginBottom: 8,
      x: {
        domain: table.classes,
        axis: "top",
        label: "taken for",
        labelArrow: "none",
        labelAnchor: "center",
        padding: 0,
        tickSize: 0,
        tickRotate: slanted ? -45 : 0,
        ...ticks,
      },
      y: {
        domain: table.classes,
        label: "true class",
        labelArrow: "none",
        labelAnchor: "top",
        padding: 0,
        tickSize: 0,
        ...ticks,
      },
      color: { type: "identity" },
      style: { fontSize: size > 30 ? 8 : 12 },
      marks: [
        Plot.cell(all, {
          x: "taken",
          y: "true",
          fill: (d) => (d.i === d.j ? "var(--wash)" : tint("warm", strength(d))),
          inset: size > 30 ? 0 : 0.75,
        }),
        cell > 26
          ? Plot.text(
              all.filter((d) => d.images),
              {
                x: "taken",
                y: "true",
                text: (d) => format.count(d.images),
                fill: (d) => (d.i === d.j ? "var(--muted)" : onTint(strength(d))),
                fontSize: cell < 40 ? 10 : 12,
              },
            )
          : null,
        Plot.tip(
          all,
          Plot.pointer({
            x: "taken",
            y: "true",
            title: (d) =>
              `${d.true} taken for ${d.taken}\n${format.count(d.images)} images, ${format.percent(d.share)} of the class`,
          }),
        ),
      ],
    });
    return {
      chart,
      columns,
      note,
      rows: d3.sort(
        errors.filter((d) => d.images),
        (d) => -d.images,
      ),
    };
  },
};
