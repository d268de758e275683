// Learning curves as bands over seeds or as single runs.

figures.curves = {
  title: "Learning curves",
  legend: true,
  coloured: true,
  how: "Each line is one network, its band the range of its seeds; flat and high is good, a gap between training and validation is overfitting.",
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
        ["seconds", "Time"],
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
  draw({ table, choice, width }) {
    const { quantity, against, range, style } = choice;
    const isShown = ({ label }) => selection.has(label);
    const points = curvePoints(table.runs.filter(isShown), quantity, against, watched(table));
    const whole = points.filter((point) => point.epoch <= table.bands[point.network]);
    const rows = style === "bands" ? bands(whole) : points;
    const shorter = style === "bands" && whole.length < points.length;
    const percent = quantity === "accuracy" ? format.accuracy : format.decimal;
    const x = { name: "seconds", text: "Seconds of training", format: format.decimal };
    const along = against === "epochs" ? "Epoch" : "Time of training";
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
        message: table.lines.some(isShown) ? "No epoch has finished yet." : "Choose a network above.",
      };
    const splits = ["Training", watched(table)].filter((split) => points.some((point) => point.split === split));
    const last = d3.rollup(
      points,
      (own) => d3.max(own, (d) => d.epoch),
      (d) => d.network,
      (d) => d.seed,
    );
    const late = range === "end" ? points.filter((d) => d.epoch >= last.get(d.network).get(d.seed) / 2) : points;
    const values = late.map((point) => point.y);
    const log = quantity === "loss" && d3.min(values) > 0 && d3.max(values) / d3.min(values) > 20;
    const tall = narrow(width) && !choice.height;
    const facet = splits.length > 1 ? { [tall ? "fy" : "fx"]: "split" } : {};
    const stroke = (d) => colour(d.network);
    const clip = range === "end";
    const limits = d3.extent(values);
    // The other networks in grey, as means, where they are within the limits.
    const others = curvePoints(table.runs.filter((run) => !isShown(run)), quantity, against, watched(table));
    const grey = style === "bands" ? bands(others.filter((point) => point.epoch <= table.bands[point.network])) : [];
    const latest = (own) => own.reduce((a, b) => (b.epoch > a.epoch ? b : a));
    const ends = style === "bands" ? d3.flatRollup(rows.filter((d) => d.mean >= limits[0] && d.mean <= limits[1]), latest, (d) => d.split, (d) => d.network).map(([, , row]) => row) : [];
    const lone = new Set(ends.filter((d) => table.bands[d.network] === 1).map((d) => d.network)); // a line needs two epochs
    const room = tall || !ends.length ? 14 : Math.min(14 + 6.6 * d3.max(ends, (d) => d.network.length), 0.2 * width);
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
              fillOpacity: 0.13,
              ariaLabel: "network",
              clip,
            }),
            Plot.lineY(grey, { ...facet, x: "x", y: "mean", z: "network", ariaLabel: "network", stroke: GREY, strokeWidth: 0.9, clip: true }),
            ...d3.groups(rows, (d) => dash(d.network) ?? "").map(([dashes, own]) =>
              Plot.lineY(own, { ...facet, x: "x", y, z: "network", ariaLabel: "network", stroke, strokeWidth: 1.9, strokeDasharray: dashes || null, clip }),
            ),
            Plot.dot(rows.filter((d) => lone.has(d.network)), { ...facet, x: "x", y, fill: stroke, r: 4, ariaLabel: "network" }),
            ...(tall ? [] : splits.map((split) =>
              Plot.text(spread(ends.filter((d) => d.split === split), limits, "mean", choice.height && 11 / (choice.height - 76)), {
                ...facet, x: "x", y: "place", text: (d) => fitting(room - 8, 6.6)(d.network), ariaLabel: "network", textAnchor: "start", dx: 6, fill: "var(--ink)", fontSize: 11,
              }),
            )),
          ]
        : [
            Plot.lineY(rows, {
              ...facet,
              x: "x",
              y,
              z: (d) => `${d.network}/${d.seed}`,
              ariaLabel: "network",
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
      height: choice.height ?? (tall ? 300 * splits.length : 360),
      marginLeft: 50,
      marginRight: room,
      marginBottom: 42,
      marginTop: splits.length > 1 ? 34 : 20,
      fx: { domain: splits, axis: null, padding: room > 14 ? (1.1 * room) / (width / 2) : 0.06 },
      fy: { domain: splits, axis: null, padding: 0.16 },
      x: {
        label: along,
        labelAnchor: "center",
        labelArrow: "none",
        tickSize: 0,
        ticks: against === "epochs" ? (tall ? 5 : 6) : roundTicks(d3.extent(points, (d) => d.x), { kind: "seconds", most: tall ? 4 : 5 }),
        tickFormat: against === "epochs" ? (v) => (Number.isInteger(v) ? format.short(v) : "") : format.clock,
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
              `${d.network}${d.seed == null ? "" : `, seed ${d.seed}`}\nepoch ${d.epoch}: ${percent(d[y])}${d.low == null ? "" : `\n${percent(d.low)} to ${percent(d.high)}, ${format.counted(d.seeds, "seed")}`}`,
          }),
        ),
      ],
    });
    const note =
      style === "bands"
        ? `Line: mean over seeds; band: lowest to highest seed.${shorter ? " Both end with the shortest run; single runs show the rest." : ""}${against === "seconds" ? " Epochs are placed at the mean training time of their seeds, without evaluation." : ""}`
        : "One line per run; the dot marks the reported epoch.";
    const axis = `${quantity}-by-${against}`;
    return { chart, rows: rows.map((row) => ({ ...row, seconds: row.x })), columns, note, axis };
  },
};

// What was evaluated after each epoch, and what it is called where it was the test images.
const watched = (table) => (table.validatedOn === "test images" ? "Test, used as validation" : "Validation");

function curvePoints(runs, quantity, against, second) {
  const points = [];
  for (const run of runs) {
    for (const [split, name] of [
      ["Training", `train_${quantity}`],
      [second, `validation_${quantity}`],
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
