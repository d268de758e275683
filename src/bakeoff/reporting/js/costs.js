// What networks cost, and which of them are on the front of accuracy and a cost.

const COSTS = [
  {
    name: "train_seconds",
    isTime: true,
    text: "Training time",
    axis: "Training time, median over seeds",
    format: format.duration,
    kind: "seconds",
    tick: format.clock,
    sign: 1,
  },
  { name: "trainable_parameters", text: "Parameters", axis: "Parameters", format: format.short, sign: 1 },
  {
    name: "flops",
    text: "FLOPs",
    axis: "FLOPs of one forward pass (multiply-add = 2)",
    format: format.short,
    sign: 1,
  },
  {
    name: "latency_ms_median",
    isTime: true,
    text: "Latency",
    axis: "Forward pass of one image, milliseconds",
    format: format.short,
    sign: 1,
  },
  {
    name: "inference_images_per_second",
    isTime: true,
    text: "Throughput",
    axis: "Forward pass, images per second in batches of 256",
    format: format.count,
    tick: format.short,
    sign: -1,
  },
  {
    name: "activation_bytes_per_image",
    text: "Activations",
    axis: "Activations kept for the backward pass, per image",
    format: format.bytes,
    kind: "bytes",
    sign: 1,
  },
  {
    name: "peak_memory_bytes",
    text: "Memory",
    axis: "Peak memory of training",
    format: format.bytes,
    kind: "bytes",
    sign: 1,
  },
  {
    name: "images_per_second",
    isTime: true,
    text: "Images/s",
    axis: "Training images per second",
    format: format.count,
    tick: format.short,
    sign: -1,
  },
  {
    name: "gpu_energy_joules",
    isTime: true,
    text: "Energy",
    axis: "Energy of the GPU in training, J",
    format: format.short,
    sign: 1,
  },
  {
    name: "processor_energy_joules",
    isTime: true,
    text: "Energy (CPU)",
    axis: "Energy of the CPU in training, J",
    format: format.short,
    sign: 1,
  },
];

// Why the times of a table must not be compared.
const timeNote = (table) => (table.timeCaution ? ` These times are not comparable: ${table.timeCaution}.` : "");

// The Pareto front: points for which no other is at least as good on both axes and better on one.
function front(points, cost) {
  const x = (point) => cost.sign * point.costs[cost.name];
  const better = (a, b) =>
    a.test_accuracy >= b.test_accuracy && x(a) <= x(b) && (a.test_accuracy > b.test_accuracy || x(a) < x(b));
  return points.filter((point) => !points.some((other) => better(other, point))).sort((a, b) => x(a) - x(b));
}

const chanceNote = (seeds) =>
  ` The probability of being on it, over test images${seeds > 1 ? " and seeds" : ""}, is in the table below.`;

// Never 0 or 100 %: it is estimated from a few thousand draws.
const chanceOf = (share) =>
  share == null ? "–" : share > 0.99 ? `over 99${THIN}%` : share < 0.01 ? `under 1${THIN}%` : format.percent(share, 0);

const tipOf = (line, cost, likely) =>
  [
    line.label,
    `${format.accuracy(line.test_accuracy)} test accuracy`,
    line.test_accuracy_low == null
      ? "one seed: no interval"
      : `${format.accuracy(line.test_accuracy_low)} to ${format.accuracy(line.test_accuracy_high)}, ${line.seeds} seeds`,
    `${cost.text}: ${cost.format(line.costs[cost.name])}`,
    likely == null ? "" : `on the Pareto front with probability ${chanceOf(likely)}`,
  ]
    .filter(Boolean)
    .join("\n");

const clampTo = ([low, high], value) => (value == null ? NaN : Math.min(Math.max(value, low), high));

// Covers all seeds, and intervals up to one range of the seeds beyond them.
function accuracyDomain(lines) {
  const [least, most] = d3.extent(lines.flatMap((line) => line.seedAccuracies));
  const reach = Math.max(most - least, 0.002);
  const low = Math.max(d3.min([least, ...lines.map((line) => line.test_accuracy_low ?? least)]), least - reach, 0);
  const high = Math.min(d3.max([most, ...lines.map((line) => line.test_accuracy_high ?? most)]), most + reach, 1);
  const margin = 0.05 * (high - low || 0.01);
  return [low - margin, high + margin];
}
