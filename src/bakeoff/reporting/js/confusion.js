// The confusion matrix, and a list of the most frequent confusions.

const MOST_IN_MATRIX = 20;

figures.confusion = {
  title: "Confusion matrix",
  how: "A row shows the predictions for the images of one class; errors are off the diagonal, and a click on one shows its images.",
  controls: (table) => [
    {
      name: "network",
      label: "Network",
      menu: true,
      options: table.lines.filter((line) => line.pooled).map((line) => [line.label, line.label]),
    },
    ...(table.classes.length > MOST_IN_MATRIX && table.classes.length <= 100
      ? [
          {
            name: "how",
            label: "Classes",
            options: [
              ["some", `Most confused ${MOST_IN_MATRIX}`],
              ["all", "All"],
            ],
          },
        ]
      : []),
  ],
  draw({ table, choice, width }) {
    const line = table.lines.find((own) => own.label === choice.network && own.pooled);
    const columns = [
      { name: "true", text: "True class" },
      { name: "taken", text: "Predicted class" },
      { name: "images", text: "Images", format: format.count },
      { name: "share", text: "Share of the class", format: format.accuracy },
    ];
    if (!line) return { chart: null, rows: [], columns, message: "No run has finished yet." };
    const { confusion, images, pairs, worst: some } = line.pooled;
    const isWhole = confusion && (choice.how !== "some" || table.classes.length <= MOST_IN_MATRIX);
    const classes = isWhole ? table.classes : some.classes.map((i) => table.classes[i]);
    const counts = isWhole ? confusion : some.confusion;
    const size = classes.length;
    const commonest = pairs.length
      ? `Most frequent errors: ${pairs
          .slice(0, 3)
          .map(([a, b, n, share]) => `${a} predicted as ${b} (${format.count(n)} images, ${format.percent(share, 1)})`)
          .join("; ")}.`
      : "No errors.";
    const part = isWhole ? "" : ` The ${size} classes of ${table.classes.length} with the most errors.`;
    const all = d3
      .range(size * size)
      .map((k) => ({ i: Math.floor(k / size), j: k % size, images: counts[k] }))
      .map((d) => (isWhole ? d : { ...d, i: some.classes[d.i], j: some.classes[d.j] }))
      .filter((d) => images[d.i])
      .map((d) => ({ ...d, true: table.classes[d.i], taken: table.classes[d.j], share: d.images / images[d.i] }));
    const errors = all.filter((d) => d.i !== d.j);
    const worst = Math.max(d3.max(errors, (d) => d.share) ?? 0, 0.05);
    const strength = (d) => (d.i === d.j ? 0 : 0.9 * Math.sqrt(d.share / worst));
    const longest = d3.max(classes, (name) => name.length);
    const left = Math.min(24 + 7.2 * longest, 0.3 * width);
    const whole = Math.min(width, 60 + left + 64 * size, 760);
    const slanted = longest * 6.6 > (whole - left) / size - 2;
    const right = slanted ? Math.min(4.6 * longest, 0.26 * width) : 0;
    const cell = (whole - left - right) / size;
    const nameless = cell < 11;
    const order = nameless ? " Columns are in the order of the rows." : "";
    const note = `${commonest} Summed over ${format.counted(line.seeds, "seed")}.${part}${order}`;
    const top = nameless ? 20 : (slanted ? Math.min(16 + 5.2 * longest, 110) : 28) + 18;
    const letter = size > 30 ? 4.8 : 7.2;
    const tick = (fit) => ({ tickFormat: (name, i) => (size > 40 && i % 2 ? "" : fit(name)) });
    const chart = Plot.plot({
      width: whole,
      height: top + 8 + Math.max(cell, 6) * size * (narrow(width) || size > 20 ? 1 : 0.72),
      marginLeft: left,
      marginTop: top,
      marginRight: right,
      marginBottom: 8,
      x: {
        domain: classes,
        axis: nameless ? null : "top",
        label: "predicted class",
        labelArrow: "none",
        labelAnchor: "center",
        padding: 0,
        tickSize: 0,
        tickRotate: slanted ? -45 : 0,
        ...tick(slanted ? fitting((right + cell / 2) / Math.SQRT1_2, letter) : String),
      },
      y: {
        domain: classes,
        label: "true class",
        labelArrow: "none",
        labelAnchor: "top",
        padding: 0,
        tickSize: 0,
        ...tick(fitting(left - 14, letter)),
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
              `${d.true} predicted as ${d.taken}\n${format.count(d.images)} images, ${format.percent(d.share, 1)} of the class`,
          }),
        ),
      ],
    });
    const place = (name) => table.classes.indexOf(name);
    const act = (d) => d.true !== d.taken && showErrors(table, line, place(d.true), place(d.taken));
    onMark(chart, act);
    const buttons = pairs.slice(0, 12).map(([a, b, n, share]) =>
      element("button", { type: "button", class: "quiet", onclick: () => showErrors(table, line, place(a), place(b)) }, `${a} → ${b} `, element("small", {}, `${format.count(n)}, ${format.percent(share, 0)}`)),
    );
    const rows = isWhole
      ? d3.sort(errors.filter((d) => d.images), (d) => -d.images)
      : pairs.map(([a, b, n, share]) => ({ true: a, taken: b, images: n, share }));
    return {
      chart,
      act,
      columns,
      note,
      before: colourKey(0, 0.9, format.percent(0, 0), format.percent(worst, worst < 0.1 ? 1 : 0)),
      after: buttons.length ? element("div", { class: "confusions", role: "group", "aria-label": "Most frequent errors" }, element("span", {}, "Most frequent errors:"), ...buttons) : null,
      rows,
    };
  },
};
