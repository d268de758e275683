// Time until each network first reaches a validation accuracy.

figures.target = {
  title: "Time to a target accuracy",
  coloured: true,
  how: "Further left is quicker.",
  controls: (table) => {
    const best = d3.max(table.runs, (run) => d3.max(run.epochs.validation_accuracy ?? []));
    if (best == null) return [];
    const targets = [
      0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995, 0.998,
    ].filter((target) => target <= best);
    // Initially, the highest that 80 % of the runs reach.
    const reach = (target) =>
      table.runs.filter((run) => d3.some(run.epochs.validation_accuracy ?? [], (value) => value >= target)).length;
    const first = targets.findLast((target) => reach(target) >= 0.8 * table.runs.length) ?? targets[0];
    return [
      {
        name: "target",
        label: `${watched(table)} accuracy`,
        menu: true,
        first: String(first),
        options: targets.map((target) => [String(target), format.share(target)]),
      },
    ];
  },
  draw({ table, choice, width }) {
    const target = Number(choice.target);
    const runs = table.runs
      .filter((run) => run.epochs.validation_accuracy)
      .map((run) => {
        const epoch = run.epochs.validation_accuracy.findIndex((value) => value != null && value >= target);
        return {
          network: run.label,
          seed: run.seed,
          seconds: epoch < 0 ? null : run.seconds[epoch],
          epochs: epoch < 0 ? null : epoch + 1,
        };
      });
    const rows = table.lines
      .map((line) => line.label)
      .filter((label) => runs.some((run) => run.network === label))
      .map((network) => {
        const own = runs.filter((run) => run.network === network);
        const there = own.filter((run) => run.seconds != null);
        return {
          network,
          seconds: d3.median(there, (run) => run.seconds),
          epochs: d3.median(there, (run) => run.epochs),
          reached: there.length,
          runs: own.length,
        };
      });
    const columns = [
      { name: "network", text: "Network" },
      { name: "seconds", text: "Median time", format: format.duration },
      { name: "epochs", text: "Median epochs", format: format.decimal },
      { name: "reached", text: "Runs that reached it", format: format.count },
      { name: "runs", text: "Of", format: format.count },
    ];
    const reached = rows.filter((row) => row.reached);
    if (!reached.length)
      return {
        chart: null,
        rows,
        columns,
        message: rows.length ? "No run reached this accuracy." : "These runs have no validation images.",
      };
    const order = d3.sort(rows, (row) => row.seconds ?? Infinity).map((row) => row.network);
    const [least, most] = d3.extent(
      runs.filter((run) => run.seconds != null),
      (run) => run.seconds,
    );
    const log = least > 0 && most / least > 10;
    const xs = log ? [least / 1.25, most * 1.25] : [0, most * 1.08];
    const ticks = roundTicks(xs, { kind: "seconds", log, most: narrow(width) ? 4 : 7 });
    const { margin, written } = besideNames(order, width);
    const chart = Plot.plot({
      width,
      height: 40 + 26 * rows.length,
      marginLeft: margin,
      marginRight: 78,
      marginTop: 26,
      marginBottom: 10,
      x: { type: log ? "log" : "linear", domain: xs, axis: null },
      y: { domain: order, label: null, tickSize: 0, tickFormat: written },
      color: { type: "identity" },
      marks: [
        Plot.gridX(ticks),
        Plot.axisX(ticks, {
          anchor: "top",
          text: format.clock,
          tickSize: 0,
          label: null,
        }),
        Plot.dot(
          runs.filter((run) => run.seconds != null),
          { x: "seconds", y: "network", ariaLabel: "network", r: 3, fill: (d) => colour(d.network), fillOpacity: 0.45 },
        ),
        Plot.dot(reached, {
          x: "seconds",
          y: "network",
          ariaLabel: "network",
          r: 5.5,
          fill: (d) => colour(d.network),
          stroke: "var(--paper)",
          strokeWidth: 1.5,
        }),
        Plot.text(rows, {
          y: "network",
          frameAnchor: "right",
          textAnchor: "end",
          dx: 76,
          text: (d) => (d.reached === d.runs ? "" : `${d.reached} of ${d.runs} runs`),
          fill: "var(--muted)",
        }),
        Plot.tip(
          reached,
          Plot.pointerY({
            x: "seconds",
            y: "network",
            title: (d) =>
              `${d.network}\n${format.duration(d.seconds)}, ${format.decimal(d.epochs)} epochs\nreached by ${d.reached} of ${d.runs} runs`,
          }),
        ),
      ],
    });
    return {
      chart,
      rows,
      columns,
      note: `Training time up to the first epoch with this accuracy, without evaluation${log ? ", log scale" : ""}. Large: median of the runs that reached it; small: single runs.${timeNote(table)}`,
    };
  },
};
