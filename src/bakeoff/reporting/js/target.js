// How long each network takes to first reach an accuracy on its validation images.

figures.target = {
  title: "Time to a target accuracy",
  controls: (table) => {
    const best = d3.max(table.runs, (run) => d3.max(run.epochs.validation_accuracy ?? []));
    if (best == null) return [];
    const targets = [
      0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995, 0.998,
    ].filter((target) => target <= best);
    // To begin with, the highest that four runs in five reach.
    const reach = (target) =>
      table.runs.filter((run) => d3.some(run.epochs.validation_accuracy ?? [], (value) => value >= target)).length;
    const first = targets.findLast((target) => reach(target) >= 0.8 * table.runs.length) ?? targets[0];
    return [
      {
        name: "target",
        label: "Validation accuracy",
        menu: true,
        first: String(first),
        options: targets.map((target) => [String(target), `${+(100 * target).toFixed(1)}${THIN}%`]),
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
        said: rows.length ? "No run reached it." : "There are no validation images to measure this on.",
      };
    const order = d3.sort(rows, (row) => row.seconds ?? Infinity).map((row) => row.network);
    const [least, most] = d3.extent(
      runs.filter((run) => run.seconds != null),
      (run) => run.seconds,
    );
    const log = least > 0 && most / least > 10;
    const xs = log ? [least / 1.25, most * 1.25] : [0, most * 1.08];
    const left = Math.min(8 + 7.2 * d3.max(order, (name) => name.length), 0.4 * width);
    const chart = Plot.plot({
      width,
      height: 40 + 26 * rows.length,
      marginLeft: left,
      marginRight: 78,
      marginTop: 26,
      marginBottom: 10,
      x: { type: log ? "log" : "linear", domain: xs, axis: null },
      y: { domain: order, label: null, tickSize: 0 },
      color: { type: "identity" },
      marks: [
        Plot.gridX(log ? logTicks(xs, COSTS[0], narrow(width) ? 4 : 8) : d3.ticks(...xs, narrow(width) ? 4 : 7)),
        Plot.axisX(log ? logTicks(xs, COSTS[0], narrow(width) ? 4 : 8) : d3.ticks(...xs, narrow(width) ? 4 : 7), {
          anchor: "top",
          text: format.duration,
          tickSize: 0,
          label: null,
        }),
        Plot.dot(
          runs.filter((run) => run.seconds != null),
          { x: "seconds", y: "network", r: 3, fill: (d) => colour(d.network), fillOpacity: 0.45 },
        ),
        Plot.dot(reached, {
          x: "seconds",
          y: "network",
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
      note: `Training time until the end of the first epoch with that accuracy, evaluation off the clock${log ? ", log scale" : ""}. Large: median of the runs that reached it; small: each run.`,
    };
  },
};
