// Round values for the ticks of an axis: clock steps for seconds, powers of two for bytes, 1, 2 and 5 for the rest.

const CLOCK = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200,
  10800, 21600, 43200, 86400, 172800, 432000, 864000,
];
const LOG_CLOCKS = [
  [0.01, 0.03, 0.1, 0.3, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18000, 43200, 86400, 259200, 864000],
  [0.01, 0.1, 1, 10, 60, 300, 1800, 3600, 18000, 86400, 864000],
  [0.01, 0.1, 1, 10, 60, 600, 3600, 36000, 864000],
];

// At most about `most` ticks within [low, high]; `kind` is "seconds", "bytes" or anything else, `log` the scale.
function roundTicks([low, high], { kind = "", log = false, most = 7 } = {}) {
  const inside = (values) => values.filter((value) => value >= low - 1e-12 && value <= high + 1e-12);
  if (log && high / low > 4) {
    const candidates = logCandidates(low, high, kind).map(inside);
    return candidates.find((ticks) => ticks.length <= most && ticks.length > 1) ?? candidates.at(-1);
  }
  if (kind !== "seconds" && kind !== "bytes") return d3.ticks(low, high, most);
  const steps = kind === "seconds" ? CLOCK : d3.range(0, 50).map((power) => 2 ** power);
  const step = steps.find((own) => (high - low) / own <= most) ?? steps.at(-1);
  return inside(d3.range(Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9) + 1).map((i) => i * step));
}

function logCandidates(low, high, kind) {
  if (kind === "bytes") {
    const powers = d3.range(Math.floor(Math.log2(low)), Math.ceil(Math.log2(high)) + 1);
    return [1, 2, 3, 5, 10].map((every) => powers.filter((power) => power % every === 0).map((power) => 2 ** power));
  }
  const decades = d3.range(Math.floor(Math.log10(low)), Math.ceil(Math.log10(high)) + 1);
  const decimal = [[1, 2, 5], [1, 3], [1]].map((factors) =>
    decades.flatMap((power) => factors.map((factor) => factor * 10 ** power)),
  );
  return kind === "seconds" ? LOG_CLOCKS : decimal;
}
