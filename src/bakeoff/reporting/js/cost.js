// Accuracy against a cost that can be chosen, with the networks that no other beats on both.

const COSTS = [
  {
    name: "train_seconds",
    text: "Training time",
    axis: "Training time, median over seeds",
    format: format.duration,
    sign: 1,
  },
  { name: "trainable_parameters", text: "Parameters", axis: "Parameters", format: format.short, sign: 1 },
  {
    name: "flops",
    text: "FLOPs",
    axis: "FLOPs of one image forward (multiply-add = 2)",
    format: format.short,
    sign: 1,
  },
  {
    name: "latency_ms_median",
    text: "Latency",
    axis: "Time of one image forward, milliseconds",
    format: format.short,
    sign: 1,
  },
  {
    name: "inference_images_per_second",
    text: "Throughput",
    axis: "Images per second forward, in batches of 256",
    format: format.count,
    sign: -1,
  },
  {
    name: "activation_bytes_per_image",
    text: "Activations",
    axis: "Activations kept for the backward pass, per image",
    format: format.bytes,
    sign: 1,
  },
  { name: "peak_memory_bytes", text: "Memory", axis: "Peak memory of training", format: format.bytes, sign: 1 },
  { name: "images_per_second", text: "Images/s", axis: "Training images per second", format: format.count, sign: -1 },
  { name: "gpu_energy_joules", text: "Energy", axis: "Energy of the GPU in training, J", format: format.short, sign: 1 },
  {
    name: "processor_energy_joules",
    text: "Energy (CPU)",
    axis: "Energy of the processor in training, J",
    format: format.short,
    sign: 1,
  },
];

// The points that no other is at least as good as on both counts and better on one.
function front(points, cost) {
  const x = (point) => cost.sign * point.costs[cost.name];
  const better = (a, b) =>
    a.test_accuracy >= b.test_accuracy && x(a) <= x(b) && (a.test_accuracy > b.test_accuracy || x(a) < x(b));
  return points.filter((point) => !points.some((other) => better(other, point))).sort((a, b) => x(a) - x(b));
}

figures.cost = {
  title: "Accuracy against cost",
  controls: (table) => [
    {
      name: "cost",
      label: "Cost axis",
      options: COSTS.filter((cost) => table.lines.some((line) => line.costs[cost.name] != null)).map((cost) => [
        cost.name,
        cost.text,
      ]),
    },
  ],
  draw({ table, choice, width }) {
    const cost = COSTS.find(({ name }) => name === choice.cost) ?? COSTS[0];
    const points = table.lines.filter((line) => line.test_accuracy != null && line.costs[cost.name] != null);
    const best = front(points, cost);
    const likely = table.chances?.fronts.find((own) => own.cost === cost.name)?.probability;
    const rows = points.map((line) => ({
      network: line.label,
      cost: line.costs[cost.name],
      accuracy: line.test_accuracy,
      low: line.test_accuracy_low,
      high: line.test_accuracy_high,
      seeds: line.seeds,
      front: best.includes(line) ? "yes" : "no",
      ...(likely ? { probability: likely[line.label] ?? null } : {}),
    }));
    const columns = [
      { name: "network", text: "Network" },
      { name: "cost", text: cost.text, format: cost.format },
      { name: "accuracy", text: "Test accuracy", format: format.percent },
      { name: "low", text: "Low", format: format.percent },
      { name: "high", text: "High", format: format.percent },
      { name: "seeds", text: "Seeds", format: format.count },
      { name: "front", text: "On the front" },
      ...(likely ? [{ name: "probability", text: "Probability of it", format: chanceOf }] : []),
    ];
    if (!points.length) return { chart: null, rows, columns, said: "No network has a result here yet." };
    const at = (line) => line.costs[cost.name];
    const [least, most] = d3.extent(points, (line) => line.costs[cost.name]);
    const log = least > 0 && (cost.name === "trainable_parameters" || most / least > 10);
    const pad = log ? Math.max((most / least) ** 0.12, 1.15) : 0.1 * Math.max(most - least, 0.1 * most);
    const xs = log ? [least / pad, most * pad] : [Math.max(0, least - pad), most + pad];
    const ys = accuracyDomain(points);
    const sorted = d3.sort(points, (line) => best.includes(line));
    const chart = Plot.plot({
      width,
      height: narrow(width) ? 340 : 420,
      marginLeft: 56,
      marginBottom: 44,
      marginTop: 24,
      marginRight: 16,
      clip: false,
      x: { type: log ? "log" : "linear", domain: xs, reverse: cost.sign < 0, axis: null },
      y: {
        domain: ys,
        ticks: 6,
        grid: true,
        tickSize: 0,
        tickFormat: (value) => format.percent(value, ys[1] - ys[0] < 0.02 ? 2 : ys[1] - ys[0] < 0.1 ? 1 : 0),
        label: "Mean test accuracy",
        labelArrow: "none",
      },
      marks: [
        // An axis of the scale's own would leave out labels such as 1 min, which are not round in the decimal system.
        Plot.axisX(log ? logTicks(xs, cost, narrow(width) ? 4 : 8) : d3.ticks(...xs, narrow(width) ? 4 : 7), {
          text: cost.format,
          tickSize: 0,
          label: `${cost.axis}${log ? ", log scale" : ""}`,
          labelAnchor: "center",
          labelArrow: "none",
        }),
        Plot.line(best, {
          x: at,
          y: "test_accuracy",
          curve: "step-after",
          stroke: "var(--muted)",
          strokeWidth: 1.25,
          strokeDasharray: "4 3",
        }),
        Plot.ruleX(sorted, {
          x: at,
          y1: (d) => clampTo(ys, d.test_accuracy_low),
          y2: (d) => clampTo(ys, d.test_accuracy_high),
          stroke: (d) => colour(d.label),
          strokeWidth: 1.5,
          strokeOpacity: 0.6,
        }),
        Plot.dot(sorted, {
          x: at,
          y: "test_accuracy",
          r: 6,
          stroke: (d) => colour(d.label),
          strokeWidth: 2,
          fill: (d) => (best.includes(d) ? colour(d.label) : "var(--paper)"),
        }),
        Plot.tip(sorted, Plot.pointer({ x: at, y: "test_accuracy", title: (d) => tipOf(d, cost, likely?.[d.label]) })),
      ],
      color: { type: "identity" },
    });
    label(chart, points.length > 24 ? best : points, cost, width, ys);
    const all = cost.name === "trainable_parameters" && points.some((d) => d.parameters_are === "all");
    const off = points.some((d) => d.test_accuracy_low < ys[0] || d.test_accuracy_high > ys[1]);
    return {
      chart,
      rows,
      columns,
      note: `Filled: on the front, no network is both cheaper and more accurate.${likely ? chanceNote(table.chances.seeds) : ""}${off ? " Some intervals go on beyond the chart." : ""}${all ? " Of older runs all parameters are counted, trainable or not." : ""}`,
    };
  },
};

const chanceNote = (seeds) =>
  ` The probability of that, with other test images${seeds > 1 ? " and other seeds" : ""}, is in the table of numbers.`;

// Round values on a logarithmic axis, at most `most` of them; seconds in the steps of clocks.
function logTicks([low, high], cost, most) {
  const clocks = [
    [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 18000, 36000, 86400],
    [1, 10, 60, 600, 3600, 36000],
  ];
  const decades = d3.range(Math.floor(Math.log10(low)), Math.ceil(Math.log10(high)) + 1);
  const steps = [[1, 2, 5], [1, 3], [1]].map((factors) =>
    decades.flatMap((power) => factors.map((factor) => factor * 10 ** power)),
  );
  if (cost.name === "train_seconds" && low >= 1) steps.unshift(...clocks);
  const inside = steps.map((step) => step.filter((value) => value >= low && value <= high));
  return inside.find((step) => step.length <= most && step.length > 1) ?? inside.at(-1);
}

// Never quite 0 or 100 %: it was drawn some thousand times.
const chanceOf = (share) =>
  share == null ? "–" : share > 0.99 ? `over 99${THIN}%` : share < 0.01 ? `under 1${THIN}%` : format.percent(share, 0);

const tipOf = (line, cost, likely) =>
  [
    line.label,
    `${format.percent(line.test_accuracy)} test accuracy`,
    line.test_accuracy_low == null
      ? "one seed: no interval"
      : `${format.percent(line.test_accuracy_low)} to ${format.percent(line.test_accuracy_high)}, ${line.seeds} seeds`,
    `${cost.text}: ${cost.format(line.costs[cost.name])}`,
    likely == null ? "" : `on the front with a probability of ${chanceOf(likely)}`,
  ]
    .filter(Boolean)
    .join("\n");

const clampTo = ([low, high], value) => (value == null ? NaN : Math.min(Math.max(value, low), high));

// All seeds, and of the intervals what lies within one span of the seeds beyond them.
function accuracyDomain(lines) {
  const [least, most] = d3.extent(lines.flatMap((line) => line.seedAccuracies));
  const reach = Math.max(most - least, 0.002);
  const low = Math.max(d3.min([least, ...lines.map((line) => line.test_accuracy_low ?? least)]), least - reach, 0);
  const high = Math.min(d3.max([most, ...lines.map((line) => line.test_accuracy_high ?? most)]), most + reach, 1);
  const margin = 0.05 * (high - low || 0.01);
  return [low - margin, high + margin];
}

// Write each name where it meets no point, no interval and no other name, on one of four sides of its point; where
// there is no such place it may cross an interval, and if even that fails it is left to the tip and the table.
function label(chart, points, cost, width, limits) {
  const x = chart.scale("x").apply,
    y = chart.scale("y").apply;
  const box = (left, right, top, bottom) => ({ left, right, top, bottom });
  const meets = (a) => (b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const taken = points.map((d) =>
    box(x(d.costs[cost.name]) - 7, x(d.costs[cost.name]) + 7, y(d.test_accuracy) - 7, y(d.test_accuracy) + 7),
  );
  const intervals = points
    .filter((d) => d.test_accuracy_low != null)
    .map((d) =>
      box(
        x(d.costs[cost.name]) - 2,
        x(d.costs[cost.name]) + 2,
        y(clampTo(limits, d.test_accuracy_high)),
        y(clampTo(limits, d.test_accuracy_low)),
      ),
    );
  for (const line of d3.sort(points, (d) => -d.test_accuracy)) {
    const [cx, cy, size] = [x(line.costs[cost.name]), y(line.test_accuracy), 6.8 * line.label.length];
    const places = [
      ["start", cx + 9, cy - 8],
      ["end", cx - 9, cy - 8],
      ["start", cx + 9, cy + 17],
      ["end", cx - 9, cy + 17],
    ]
      .map(([anchor, px, py]) => ({
        anchor,
        px,
        py,
        ...(anchor === "start" ? box(px, px + size, py - 11, py + 4) : box(px - size, px, py - 11, py + 4)),
      }))
      .filter((place) => place.left > 50 && place.right < width && !taken.some(meets(place)));
    const place = places.find((own) => !intervals.some(meets(own))) ?? places[0];
    if (!place) continue;
    taken.push(place);
    d3.select(chart)
      .append("text")
      .attr("x", place.px)
      .attr("y", place.py)
      .attr("text-anchor", place.anchor)
      .attr("fill", "var(--ink)")
      .attr("font-size", 12.5)
      .attr("stroke", "var(--paper)")
      .attr("stroke-width", 4)
      .attr("paint-order", "stroke")
      .attr("pointer-events", "none")
      .text(line.label);
  }
}
