// All runs with their state, each with a curve of its own.

const STATES = { done: "finished", failed: "failed", waiting: "waiting", running: "running" };

function sparkline(run) {
  const values = run?.epochs.validation_accuracy ?? run?.epochs.train_accuracy;
  if (!values || values.length < 2) return element("span", {}, "–");
  const [low, high] = d3.extent(values);
  const y = d3.scaleLinear([low, high === low ? low + 1 : high], [17, 3]);
  const x = d3.scaleLinear([0, values.length - 1], [2, 88]);
  const path = d3.line((_, i) => x(i), (value) => y(value ?? low))(values);
  const svg = d3.create("svg").attr("width", 90).attr("height", 20).attr("role", "img").attr("data-net", run.label);
  svg.attr("aria-label", `${format.percent(values[0], 0)} to ${format.percent(values.at(-1), 0)} in ${values.length} epochs`);
  svg.append("path").attr("d", path).attr("fill", "none").attr("stroke", colour(run.label)).attr("stroke-width", 1.5);
  return svg.node();
}

figures.runs = {
  title: "All runs",
  how: "One row per seed; the curve is its accuracy on the images that were evaluated after each epoch.",
  table: true,
  controls: () => [
    {
      name: "state",
      label: "State",
      options: [
        ["all", "All"],
        ["unfinished", "Not finished"],
      ],
    },
  ],
  draw({ table, choice }) {
    const all = page.table.everyRun;
    const curves = new Map(page.table.runs.map((run) => [run.id, run]));
    const rows = d3
      .range(all.id.length)
      .map((i) => Object.fromEntries(Object.keys(all).map((name) => [name, all[name][i]])))
      .filter((row) => choice.state !== "unfinished" || row.state !== "done")
      .map((row) => ({ ...row, seed: row.of, state: STATES[row.state] ?? row.state, curve: curves.get(row.id) }));
    const columns = [
      { name: "network", text: "Network" },
      { name: "seed", text: "Seed", format: format.count },
      { name: "state", text: "State" },
      { name: "accuracy", text: "Test accuracy", format: format.accuracy },
      { name: "curve", text: "Curve", show: (row) => sparkline(row.curve), silent: true },
      { name: "epochs", text: "Epochs", format: format.count },
      { name: "seconds", text: "Training", format: format.duration },
      { name: "machine", text: "Machine" },
      { name: "finished", text: "Finished" },
      ...(rows.some((row) => row.failure) ? [{ name: "failure", text: "Failure" }] : []),
      { name: "id", text: "Run" },
    ];
    return { chart: null, rows, columns, message: rows.length ? null : "All runs have finished.", note: table.timeCaution ? timeNote(table).trim() : "" };
  },
};
