// The best validation accuracy of any run so far, against the time since the first run began.

figures.progress = {
  title: "Best so far against time",
  coloured: true,
  how: "Where the line is flat, further training found nothing better.",
  controls: () => [
    {
      name: "against",
      label: "Against",
      options: [
        ["wall", "Wall time"],
        ["training", "Training time of all runs"],
      ],
    },
    {
      name: "scale",
      label: "Scale",
      options: [
        ["accuracy", "Accuracy"],
        ["error", "Error, log"],
      ],
    },
  ],
  draw({ table, choice, width }) {
    const isError = choice.scale === "error";
    const columns = [
      { name: "network", text: "Network" },
      { name: "seed", text: "Seed", format: format.count },
      { name: "epoch", text: "Epoch", format: format.count },
      { name: "seconds", text: choice.against === "wall" ? "Time since the first run began" : "Training time so far", format: format.duration },
      { name: "accuracy", text: `${watched(table)} accuracy`, format: format.accuracy },
    ];
    const all = everyEpoch(table, choice.against);
    if (!all.length) return { chart: null, rows: [], columns, message: "These runs have no validation images." };
    let best = -1;
    const rows = all.filter((d) => d.accuracy > best && (best = d.accuracy));
    const last = all.at(-1).seconds;
    const images = table.lines.find((line) => line.test_images)?.test_images ?? 1000;
    const y = (d) => (isError ? Math.max(1 - d.accuracy, 0.5 / images) : d.accuracy);
    const span = d3.extent(rows, y);
    const reach = span[1] - span[0] || 0.01;
    const ys = isError ? [span[0] / 1.2, span[1] * 1.2] : [Math.max(span[0] - 0.05 * reach, 0), Math.min(span[1] + 0.08 * reach, 1)];
    const xs = [0, Math.max(last, 1e-3) * 1.02];
    const most = narrow(width) ? 4 : 7;
    const [ticksX, ticksY] = [roundTicks(xs, { kind: "seconds", most }), roundTicks(ys, { log: isError, most: 6 })];
    const chart = Plot.plot({
      width,
      height: narrow(width) ? 260 : 300,
      marginLeft: 56,
      marginBottom: 44,
      marginTop: 24,
      marginRight: 16,
      x: { domain: xs, axis: null },
      y: { type: isError ? "log" : "linear", domain: ys, reverse: isError, axis: null },
      color: { type: "identity" },
      marks: [
        Plot.gridY(ticksY),
        Plot.axisY(ticksY, { tickSize: 0, text: format.share, label: `${watched(table)} ${isError ? "error, log scale" : "accuracy"}`, labelArrow: "none" }),
        Plot.axisX(ticksX, { tickSize: 0, text: format.clock, label: columns[3].text, labelAnchor: "center", labelArrow: "none" }),
        Plot.line([...rows, { ...rows.at(-1), seconds: last }], { x: "seconds", y, curve: "step-after", stroke: "var(--muted)", strokeWidth: 1.5 }),
        Plot.dot(rows, { x: "seconds", y, r: 4, ariaLabel: "network", fill: (d) => colour(d.network), stroke: "var(--paper)" }),
        Plot.tip(rows, Plot.pointerX({ x: "seconds", y, title: (d) => `${d.network}, seed ${d.seed}, epoch ${d.epoch}\n${format.accuracy(d.accuracy)} after ${format.duration(d.seconds)}` })),
      ],
    });
    const winner = rows.at(-1);
    const note = `The highest ${watched(table).toLowerCase()} accuracy of a single run up to then; dots are in the colour of the network that reached it. Last: ${winner.network} with ${format.accuracy(winner.accuracy)} after ${format.duration(winner.seconds)}.`;
    return { chart, rows, columns, axis: choice.against, note };
  },
};

// Every validated epoch in order of time. A run without times of its own began with the first.
function everyEpoch(table, against) {
  const found = [];
  let spent = 0;
  for (const run of d3.sort(table.runs, (run) => run.clock[0] ?? 0)) {
    const [began, ended] = run.clock;
    const trained = run.seconds.at(-1);
    const stretch = began != null && ended != null && trained ? (ended - began) / trained : 1; // evaluation and saving
    (run.epochs.validation_accuracy ?? []).forEach((accuracy, i) => {
      if (accuracy == null) return;
      const seconds = against === "wall" ? (began ?? 0) + stretch * run.seconds[i] : spent + run.seconds[i];
      found.push({ network: run.label, seed: run.seed, epoch: i + 1, seconds, accuracy });
    });
    spent += trained ?? 0;
  }
  return d3.sort(found, (d) => d.seconds);
}
