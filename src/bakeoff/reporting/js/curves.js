// Learning curves as bands over seeds or single runs, and what training and test accuracy came to.

figures.curves = {
  title: "Learning curves",
  legend: 6,
  controls: () => [
    {
      name: "quantity",
      label: "Quantity",
      options: [
        ["accuracy", "Accuracy"],
        ["loss", "Loss"],
      ],
    },
    {
      name: "against",
      label: "Against",
      options: [
        ["epochs", "Epochs"],
        ["seconds", "Seconds"],
      ],
    },
    {
      name: "range",
      label: "Range",
      options: [
        ["whole", "Whole"],
        ["end", "Close-up"],
      ],
    },
    {
      name: "style",
      label: "Lines",
      options: [
        ["bands", "Seed bands"],
        ["runs", "Single runs"],
      ],
    },
  ],
  draw({ table, choice, width, shown }) {
    const { quantity, against, range, style } = choice;
    const points = curvePoints(
      table.runs.filter((run) => shown.has(run.label)),
      quantity,
      against,
    );
    const whole = points.filter((point) => point.epoch <= table.bands[point.network]);
    const rows = style === "bands" ? bands(whole) : points;
    const shorter = style === "bands" && whole.length < points.length;
    const percent = quantity === "accuracy" ? format.percent : format.decimal;
    const x = { name: "x", text: against === "epochs" ? "Epoch" : "Seconds of training", format: format.decimal };
    const columns =
      style === "bands"
        ? [
            { name: "network", text: "Network" },
            { name: "split", text: "Images" },
            { name: "epoch", text: "Epoch", format: format.count },
            ...(against === "seconds" ? [x] : []),
            { name: "mean", text: `Mean ${quantity}`, format: percent },
            { name: "low", text: "Lowest seed", format: percent },
            { name: "high", text: "Highest seed", format: percent },
            { name: "seeds", text: "Seeds", format: format.count },
          ]
        : [
            { name: "network", text: "Network" },
            { name: "seed", text: "Seed", format: format.count },
            { name: "split", text: "Images" },
            { name: "epoch", text: "Epoch", format: format.count },
            ...(against === "seconds" ? [x] : []),
            { name: "y", text: quantity === "accuracy" ? "Accuracy" : "Loss", format: percent },
          ];
    if (!rows.length)
      return {
        chart: null,
        rows,
        columns,
        said: shown.size ? "No epoch has finished yet." : "Choose a network above.",
      };
    const splits = ["Training", "Validation"].filter((split) => points.some((point) => point.split === split));
    const last = d3.rollup(
      points,
      (own) => d3.max(own, (d) => d.epoch),
      (d) => d.network,
      (d) => d.seed,
    );
    const late = range === "end" ? points.filter((d) => d.epoch >= last.get(d.network).get(d.seed) / 2) : points;
    const values = late.map((point) => point.y);
    const log = quantity === "loss" && d3.min(values) > 0 && d3.max(values) / d3.min(values) > 20;
    const tall = narrow(width);
    const facet = splits.length > 1 ? { [tall ? "fy" : "fx"]: "split" } : {};
    const stroke = (d) => colour(d.network);
    const clip = range === "end";
    const limits = d3.extent(values);
    const inside = (d) => d[y] >= limits[0] && d[y] <= limits[1];
    const y = style === "bands" ? "mean" : "y";
    const marks =
      style === "bands"
        ? [
            Plot.areaY(rows, {
              ...facet,
              x: "x",
              y1: "low",
              y2: "high",
              z: "network",
              fill: stroke,
              fillOpacity: 0.16,
              clip,
            }),
            Plot.lineY(rows, { ...facet, x: "x", y, z: "network", stroke, strokeWidth: 1.75, clip }),
          ]
        : [
            Plot.lineY(rows, {
              ...facet,
              x: "x",
              y,
              z: (d) => `${d.network}/${d.seed}`,
              stroke,
              strokeWidth: 1.1,
              strokeOpacity: 0.8,
              clip,
            }),
            Plot.dot(
              rows.filter((d) => d.reported && inside(d)),
              { ...facet, x: "x", y, fill: stroke, r: 3 },
            ),
          ];
    const chart = Plot.plot({
      width,
      height: tall ? 300 * splits.length : 360,
      marginLeft: 50,
      marginRight: 14,
      marginBottom: 42,
      marginTop: splits.length > 1 ? 34 : 20,
      fx: { domain: splits, axis: null, padding: 0.06 },
      fy: { domain: splits, axis: null, padding: 0.16 },
      x: {
        label: x.text,
        labelAnchor: "center",
        labelArrow: "none",
        tickSize: 0,
        ticks: tall ? 5 : 6,
        tickFormat: against === "epochs" ? (v) => (Number.isInteger(v) ? v : "") : undefined,
      },
      y: {
        type: log ? "log" : "linear",
        domain: limits,
        grid: true,
        tickSize: 0,
        ticks: 6,
        nice: !log,
        label: log ? "Loss, log scale" : quantity === "loss" ? "Loss" : "Accuracy",
        labelArrow: "none",
        tickFormat:
          quantity === "accuracy"
            ? (v) => format.percent(v, d3.max(values) - d3.min(values) < 0.05 ? 1 : 0)
            : log
              ? format.decimal
              : undefined,
      },
      color: { type: "identity" },
      marks: [
        ...marks,
        Plot.text(
          splits.map((split) => ({ split })),
          { ...facet, text: "split", frameAnchor: "top", lineAnchor: "bottom", dy: -6, fill: "var(--muted)" },
        ),
        Plot.tip(
          rows.filter(inside),
          Plot.pointer({
            ...facet,
            x: "x",
            y,
            title: (d) =>
              `${d.network}${d.seed == null ? "" : `, seed ${d.seed}`}\nepoch ${d.epoch}: ${percent(d[y])}${d.low == null ? "" : `\n${percent(d.low)} to ${percent(d.high)}, ${d.seeds} ${d.seeds === 1 ? "seed" : "seeds"}`}`,
          }),
        ),
      ],
    });
    const note =
      style === "bands"
        ? `Line: mean over seeds; band: from the lowest to the highest seed.${shorter ? " Both end where the first seed ends; single runs go on." : ""}${against === "seconds" ? " Each epoch stands at the mean of its seeds’ seconds; evaluation is off the clock." : ""}`
        : "One line per run; the dot marks the reported epoch.";
    return { chart, rows, columns, note };
  },
};

function curvePoints(runs, quantity, against) {
  const points = [];
  for (const run of runs) {
    for (const [split, name] of [
      ["Training", `train_${quantity}`],
      ["Validation", `validation_${quantity}`],
    ]) {
      (run.epochs[name] ?? []).forEach((y, i) => {
        if (y != null)
          points.push({
            network: run.label,
            seed: run.seed,
            split,
            epoch: i + 1,
            x: against === "epochs" ? i + 1 : run.seconds[i],
            y,
            reported: run.reported === i + 1,
          });
      });
    }
  }
  return points;
}

const bands = (points) =>
  d3
    .flatRollup(
      points,
      (seeds) => ({
        x: d3.mean(seeds, (d) => d.x),
        mean: d3.mean(seeds, (d) => d.y),
        low: d3.min(seeds, (d) => d.y),
        high: d3.max(seeds, (d) => d.y),
        seeds: seeds.length,
      }),
      (d) => d.network,
      (d) => d.split,
      (d) => d.epoch,
    )
    .map(([network, split, epoch, all]) => ({ network, split, epoch, ...all }));

figures.fit = {
  title: "Training against test accuracy",
  draw({ table, width }) {
    const rows = table.lines
      .filter((line) => line.test_accuracy != null && line.trainAccuracy != null)
      .map((line) => ({
        network: line.label,
        train: line.trainAccuracy,
        test: line.test_accuracy,
        gap: line.trainAccuracy - line.test_accuracy,
      }));
    const columns = [
      { name: "network", text: "Network" },
      { name: "train", text: "Training accuracy", format: format.percent },
      { name: "test", text: "Test accuracy", format: format.percent },
      { name: "gap", text: "Gap", format: (v) => `${(100 * v).toFixed(2)} points` },
    ];
    if (!rows.length) return { chart: null, rows, columns, said: "No network has a result here yet." };
    const margin = Math.min(8 + 7.2 * d3.max(rows, (d) => d.network.length), 0.4 * width);
    const chart = Plot.plot({
      width,
      height: 64 + 26 * rows.length,
      marginLeft: margin,
      marginRight: 24,
      marginTop: 26,
      marginBottom: 16,
      x: {
        grid: true,
        nice: true,
        tickSize: 0,
        ticks: narrow(width) ? 4 : 8,
        axis: "top",
        label: null,
        tickFormat: (v) => `${+(100 * v).toFixed(2)}${THIN}%`,
      },
      y: { domain: rows.map((d) => d.network), label: null, tickSize: 0 },
      color: { type: "identity" },
      marks: [
        Plot.ruleY(rows, {
          y: "network",
          x1: "train",
          x2: "test",
          stroke: (d) => colour(d.network),
          strokeWidth: 2,
          strokeOpacity: 0.5,
        }),
        Plot.dot(rows, {
          x: "train",
          y: "network",
          r: 5,
          stroke: (d) => colour(d.network),
          strokeWidth: 2,
          fill: "var(--paper)",
        }),
        Plot.dot(rows, {
          x: "test",
          y: "network",
          r: 5,
          stroke: (d) => colour(d.network),
          strokeWidth: 2,
          fill: (d) => colour(d.network),
        }),
        Plot.tip(
          rows,
          Plot.pointerY({
            x: "test",
            y: "network",
            title: (d) => `${d.network}\ntraining ${format.percent(d.train)}\ntest ${format.percent(d.test)}`,
          }),
        ),
      ],
    });
    return {
      chart,
      rows,
      columns,
      note: "Filled: test accuracy. Hollow: training accuracy in the reported epoch. Augmentation and dropout can put training below test.",
    };
  },
};
