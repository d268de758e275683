// Published and measured numbers, a dumbbell for each.

const PUBLISHED = DATA.published.flatMap((study) =>
  Object.entries(study.measures).map(([measure, text]) => ({
    key: `${study.name}/${measure}`,
    study: study.name,
    text,
    measure,
    lines: study.lines.filter((line) => line.measure === measure),
  })),
);

const printedOf = (choice) => PUBLISHED.find(({ key }) => key === choice.measure) ?? PUBLISHED[0];

// Colour and text of a verdict; everything else is grey.
const VERDICTS = { agrees: ["var(--good)", "agrees"], differs: ["var(--warm)", "differs"] };
const verdictColour = (line) => VERDICTS[line.verdict]?.[0] ?? "var(--muted)";

figures.published = {
  title: "Number by number",
  how: "Green dots agree with the published number within what another seed would change.",
  about: (choice) => {
    const { study, text } = printedOf(choice);
    return `${study}, ${text}`;
  },
  controls: () => [
    {
      name: "measure",
      label: "Number",
      menu: true,
      options: PUBLISHED.map(({ key, study, text }) => [key, DATA.published.length > 1 ? `${study}: ${text}` : text]),
    },
    {
      name: "axis",
      label: "Axis",
      options: [
        ["value", "Values"],
        ["difference", "Differences"],
      ],
    },
  ],
  draw({ choice, width }) {
    const { lines, measure } = printedOf(choice);
    const isTime = measure.endsWith("seconds");
    const isShare = measure.endsWith("accuracy");
    const number = isShare ? format.percent : isTime ? format.duration : format.decimal;
    const signed = (value) =>
      value == null ? "–" : minus(`${value > 0 ? "+" : ""}${isShare ? rounded(100 * value, 2) : +value.toPrecision(3)}`);
    const columns = [
      { name: "data", text: "Data" },
      { name: "network", text: "Network" },
      { name: "published", text: "Published", format: number },
      { name: "measured", text: "Measured", format: number },
      { name: "sd", text: "± SD", format: number },
      { name: "seeds", text: "Seeds", format: format.count },
      { name: "difference", text: isShare ? "Difference, points" : "Difference", format: signed },
      { name: "deviations", text: "In SDs", format: (value) => (value == null ? "–" : value.toFixed(1)) },
      { name: "low", text: "Low", format: number },
      { name: "high", text: "High", format: number },
      { name: "verdict", text: "Verdict" },
      { name: "departures", text: "Departures" },
    ];
    const rows = lines.map((line) => ({ ...line, network: line.variant ? `${line.net} (${line.variant})` : line.net }));
    const relative = choice.axis === "difference";
    const many = new Set(rows.map((row) => row.data)).size > 1;
    const seen = new Map();
    const nameOf = (row) => {
      const name = many ? `${row.network} · ${row.data}` : row.network;
      seen.set(name, (seen.get(name) ?? 0) + 1);
      return seen.get(name) > 1 ? `${name} (${seen.get(name)})` : name; // published twice, for different settings
    };
    const points = rows.map((row) => ({
      ...row,
      y: nameOf(row),
      from: relative ? 0 : row.published,
      to: row.measured - (relative ? row.published : 0),
      below: row.low == null ? null : row.low - (relative ? row.published : 0),
      above: row.high == null ? null : row.high - (relative ? row.published : 0),
    }));
    // Intervals over two seeds are so wide that they would hide everything else: cut them one range beyond the points.
    const [least, most] = d3.extent(points.flatMap((d) => [d.from, d.to]));
    const reach = Math.max(most - least, isShare ? 0.002 : 1e-9);
    const low = Math.max(d3.min(points, (d) => d.below ?? d.to), least - reach);
    const high = Math.min(d3.max(points, (d) => d.above ?? d.to), most + reach);
    const [start, end] = [Math.min(low, least), Math.max(high, most)];
    const margin = 0.04 * (end - start || 0.01);
    const log = isTime && !relative && least > 0 && most / least > 20;
    const xs = log ? [least / 1.3, most * 1.3] : [start - margin, end + margin];
    if (isShare && !relative) xs[1] = Math.min(xs[1], 1 + margin / 4);
    const tick = relative ? signed : isTime ? format.clock : isShare ? (v) => format.percent(v, xs[1] - xs[0] < 0.05 ? 1 : 0) : number;
    const tall = narrow(width);
    const left = tall ? 4 : Math.min(8 + 6.9 * d3.max(points, (d) => d.y.length), 0.42 * width);
    const step = tall ? 42 : 26;
    const ticks = roundTicks(xs, { kind: isTime ? "seconds" : "", log, most: tall ? 4 : 6 });
    const dy = tall ? 8 : 0;
    const chart = Plot.plot({
      width,
      height: 44 + step * points.length,
      marginLeft: left,
      marginRight: tall ? 22 : 62,
      marginTop: 30,
      marginBottom: 12,
      x: { type: log ? "log" : "linear", domain: xs, axis: null },
      y: { domain: points.map((d) => d.y), label: null, tickSize: 0, axis: tall ? null : "left" },
      color: { type: "identity" },
      marks: [
        Plot.gridX(ticks),
        Plot.axisX(ticks, { anchor: "top", text: tick, tickSize: 0, label: null }),
        relative ? Plot.ruleX([0], { stroke: "var(--muted)" }) : null,
        Plot.ruleY(
          points.filter((d) => d.below != null),
          {
            y: "y",
            x1: (d) => clampTo(xs, d.below),
            x2: (d) => clampTo(xs, d.above),
            stroke: verdictColour,
            strokeWidth: 7,
            strokeOpacity: 0.2,
            dy,
          },
        ),
        Plot.ruleY(points, { y: "y", x1: "from", x2: "to", stroke: verdictColour, strokeWidth: 1.5, dy }),
        Plot.dot(points, {
          x: "from",
          y: "y",
          r: 4.5,
          symbol: "diamond",
          fill: "var(--paper)",
          stroke: "var(--ink)",
          strokeWidth: 1.5,
          dy,
        }),
        Plot.dot(points, { x: "to", y: "y", r: 4.5, fill: verdictColour, stroke: "var(--paper)", dy }),
        tall
          ? Plot.text(points, { y: "y", frameAnchor: "left", textAnchor: "start", text: (d) => `${d.y}${VERDICTS[d.verdict] ? `: ${d.verdict}` : ""}`, dy: -9 })
          : Plot.text(points, {
              y: "y",
              frameAnchor: "right",
              textAnchor: "start",
              dx: 8,
              text: (d) => VERDICTS[d.verdict]?.[1] ?? "",
              fill: verdictColour,
            }),
        Plot.tip(
          points,
          Plot.pointerY({
            x: "to",
            y: "y",
            title: (d) =>
              [
                d.y,
                `published ${number(d.published)}, measured ${number(d.measured)} (${format.counted(d.seeds, "seed")})`,
                isTime ? (d.ratio == null ? "not the same workload" : `${format.decimal(d.ratio)} times as fast`) : `difference ${signed(d.difference)}: ${d.verdict}`,
                d.departures,
                d.reason,
              ]
                .filter(Boolean)
                .join("\n"),
          }),
        ),
      ],
    });
    const note = isTime
      ? "Hollow: published; filled: measured. The times are from different machines."
      : "Hollow: published; filled: measured mean; band: 95\u202f% prediction interval of one more seed. " +
        "Green: agrees; red: differs; grey: not judged.";
    return { chart, rows, columns, note };
  },
};
