// Accuracy against a selectable cost, with the Pareto front.

figures.cost = {
  title: "Accuracy against cost",
  how: "The best trade-offs are on the line: no other network is both cheaper and more accurate.",
  coloured: true,
  marks: true,
  controls: (table) => [
    {
      name: "cost",
      label: "Cost axis",
      options: COSTS.filter((cost) => table.lines.some((line) => line.costs[cost.name] != null)).map((cost) => [
        cost.name,
        cost.text,
      ]),
    },
    {
      name: "scale",
      label: "Scale",
      options: [
        ["accuracy", "Accuracy"],
        ["error", "Error, log"],
      ],
    },
    ...(table.lines.length > 3
      ? [
          {
            name: "range",
            label: "Range",
            options: [
              ["whole", "Whole"],
              ["best", "Best half"],
            ],
          },
        ]
      : []),
    ...(DATA.tables.length > 1
      ? [
          {
            name: "data",
            label: "Data sets",
            options: [
              ["one", "This"],
              ["all", "All"],
            ],
          },
        ]
      : []),
  ],
  draw({ table, choice, width, again }) {
    const cost = COSTS.find(({ name }) => name === choice.cost) ?? COSTS[0];
    const every = choice.data === "all";
    const tables = every ? DATA.tables.map((own) => ({ ...own, lines: own.lines.filter((line) => page.flawed || !line.flaw) })) : [table];
    const rows = tables.flatMap((own) => costRows(own, cost));
    const isLikely = rows.some((row) => row.probability != null);
    const columns = [
      ...(every ? [{ name: "data", text: "Data" }] : []),
      { name: "network", text: "Network" },
      { name: cost.name, text: cost.text, format: cost.format },
      { name: "accuracy", text: "Test accuracy", format: format.accuracy },
      { name: "low", text: "Low", format: format.accuracy },
      { name: "high", text: "High", format: format.accuracy },
      { name: "seeds", text: "Seeds", format: format.count },
      { name: "front", text: "On the front" },
      ...(isLikely ? [{ name: "probability", text: "Probability", format: chanceOf }] : []),
    ];
    if (!rows.length) return { chart: null, rows, columns, message: "No network has a result yet." };
    const drawn = tables.filter((own) => costRows(own, cost).length);
    const shown = [table.key, cost.name, choice.scale, choice.range].join(" ");
    if (choice.viewed !== shown || every) [choice.viewed, choice.view] = [shown, WHOLE_VIEW];
    const chart = every
      ? inGrid(drawn, width, (own, size) => costChart(own, cost, choice, size, 260))
      : costChart(table, cost, choice, width, choice.height ?? (narrow(width) ? 340 : 420));
    const show = (view, focus) => {
      choice.view = view;
      again(focus);
    };
    const unlike = cost.isTime && drawn.find((own) => own.timeCaution);
    const ys = every ? null : accuracyDomain(shownIn(table, cost, choice));
    const off = ys && table.lines.some((d) => d.test_accuracy_low < ys[0] || d.test_accuracy_high > ys[1]);
    const all = cost.name === "trainable_parameters" && table.lines.some((d) => d.parameters_are === "all");
    const notes = [
      unlike ? timeNote(unlike).trim() : "Filled: on the Pareto front.",
      isLikely ? chanceNote(table.chances?.seeds ?? 1).trim() : "",
      off ? "Some intervals extend beyond the chart." : "",
      all ? "For older runs, all parameters are counted." : "",
      every || table.majority == null ? "" : `Always naming the most common class gives ${format.accuracy(table.majority)}${table.majority > ys[0] ? ", the dotted line" : ""}.`,
    ];
    const after = every ? null : makeZoomable(chart, COST_FRAME, choice.view, show);
    return { chart, after, rows, columns, axis: `${cost.name}${choice.scale === "error" ? "-error" : ""}${every ? "-all-data" : ""}`, note: notes.filter(Boolean).join(" ") };
  },
};

const pointsOf = (table, cost) => table.lines.filter((line) => line.test_accuracy != null && line.costs[cost.name] != null);

// Those in the range that was chosen.
function shownIn(table, cost, choice) {
  const points = pointsOf(table, cost);
  if (choice.range !== "best" || points.length < 4) return points;
  const middle = d3.median(points, (line) => line.test_accuracy);
  return points.filter((line) => line.test_accuracy >= middle);
}

const likelyOf = (table, cost) =>
  cost.isTime && table.timeCaution ? null : table.chances?.fronts.find((own) => own.cost === cost.name)?.probability;
const frontOf = (table, points, cost) => (cost.isTime && table.timeCaution ? [] : front(points, cost));

function costRows(table, cost) {
  const points = pointsOf(table, cost);
  const best = frontOf(table, points, cost);
  const likely = likelyOf(table, cost);
  return points.map((line) => ({
    data: table.data,
    network: line.label,
    [cost.name]: line.costs[cost.name],
    accuracy: line.test_accuracy,
    low: line.test_accuracy_low,
    high: line.test_accuracy_high,
    seeds: line.seeds,
    front: best.includes(line) ? "yes" : "no",
    ...(likely ? { probability: likely[line.label] ?? null } : {}),
  }));
}

const COST_FRAME = { left: 62, right: 22, top: 24, bottom: 44 };

function costChart(table, cost, choice, width, height) {
  const points = shownIn(table, cost, choice);
  const best = frontOf(table, points, cost);
  const likely = likelyOf(table, cost);
  const isError = choice.scale === "error";
  const small = width < 560;
  const at = (line) => line.costs[cost.name];
  const [least, most] = d3.extent(points, at);
  const log = least > 0 && (cost.name === "trainable_parameters" || most / least > 10);
  const pad = log ? Math.max((most / least) ** 0.12, 1.15) : 0.1 * Math.max(most - least, 0.1 * most);
  const view = choice.view;
  const [left, right] = cost.sign < 0 ? [1 - view[1], 1 - view[0]] : view; // the axis may be reversed
  const xs = partOf(log ? [least / pad, most * pad] : [Math.max(0, least - pad), most + pad], log, left, right);
  const limits = accuracyDomain(points);
  const smallest = 0.5 / Math.max(d3.max(points, (line) => d3.sum(line.pooled?.images ?? [])) || 1000, 10);
  const error = (accuracy) => Math.max(1 - accuracy, smallest);
  const y = (accuracy) => (isError ? error(clampTo(limits, accuracy)) : clampTo(limits, accuracy));
  const all = isError ? d3.extent(points.flatMap((d) => [d.test_accuracy, d.test_accuracy_low, d.test_accuracy_high].filter((v) => v != null).map(y))) : limits;
  if (isError) [all[0], all[1]] = [all[0] / 1.15, all[1] * 1.15];
  const [top, bottom] = view.slice(2);
  const ys = isError ? partOf(all, true, top, bottom) : partOf(all, false, 1 - bottom, 1 - top);
  const inside = (d) => at(d) >= xs[0] && at(d) <= xs[1] && mean(d) >= ys[0] && mean(d) <= ys[1];
  const clip = !isWhole(view);
  const unit = (value) => (isError ? format.share(value) : format.percent(value, ys[1] - ys[0] < 0.02 ? 2 : ys[1] - ys[0] < 0.1 ? 1 : 0));
  const sorted = d3.sort(points, (line) => selection.has(line.label), (line) => best.includes(line));
  const mean = (d) => y(d.test_accuracy);
  const place = { x: at, y: mean, ariaLabel: "label" };
  const chart = Plot.plot({
    width,
    height,
    marginLeft: COST_FRAME.left,
    marginBottom: COST_FRAME.bottom,
    marginTop: COST_FRAME.top,
    marginRight: COST_FRAME.right,
    x: { type: log ? "log" : "linear", domain: xs, reverse: cost.sign < 0, axis: null },
    y: { type: isError ? "log" : "linear", domain: ys, reverse: isError, axis: null },
    marks: [
      Plot.gridY(roundTicks(ys, { log: isError, most: small ? 4 : 6 })),
      Plot.axisY(roundTicks(ys, { log: isError, most: small ? 4 : 6 }), {
        tickSize: 0,
        text: unit,
        label: isError ? "Test error, log scale" : "Mean test accuracy",
        labelArrow: "none",
      }),
      Plot.axisX(least === most ? [least] : roundTicks(xs, { kind: cost.kind, log, most: small ? 4 : 7 }), {
        text: cost.tick ?? cost.format,
        tickSize: 0,
        label: `${small ? cost.text : cost.axis}${log ? ", log scale" : ""}`,
        labelAnchor: "center",
        labelArrow: "none",
      }),
      !isError && table.majority > ys[0] && table.majority < ys[1] ? Plot.ruleY([table.majority], { stroke: "var(--muted)", strokeDasharray: "1 3" }) : null,
      Plot.line(best, { x: at, y: mean, curve: "step-after", stroke: "var(--muted)", strokeWidth: 1.25, strokeDasharray: "4 3", clip }),
      Plot.ruleX(sorted.filter((d) => d.test_accuracy_low != null), {
        x: at,
        y1: (d) => y(d.test_accuracy_low),
        y2: (d) => y(d.test_accuracy_high),
        ariaLabel: "label",
        stroke: (d) => colour(d.label),
        strokeWidth: 1.5,
        strokeOpacity: 0.6,
        clip,
      }),
      Plot.dot(sorted.filter(inside), {
        ...place,
        r: (d) => (selection.has(d.label) ? 6 : 4.5),
        stroke: (d) => colour(d.label),
        strokeWidth: 2,
        fill: (d) => (best.includes(d) ? colour(d.label) : "var(--paper)"),
      }),
      Plot.tip(sorted.filter(inside), Plot.pointer({ x: at, y: mean, title: (d) => tipOf(d, cost, likely?.[d.label]) })),
    ],
    r: { type: "identity" },
    color: { type: "identity" },
  });
  const named = points.length > 24 ? points.filter((d) => best.includes(d) || selection.has(d.label)) : points;
  placeLabels(chart, named.filter(inside), points.filter(inside), { at, mean, low: (d) => y(d.test_accuracy_low), high: (d) => y(d.test_accuracy_high), width });
  for (const mark of chart.querySelectorAll("g[aria-label=dot] [aria-label]")) {
    const line = points.find((own) => own.label === mark.getAttribute("aria-label"));
    mark.setAttribute("tabindex", "0");
    mark.setAttribute("role", "img");
    mark.dataset.say = tipOf(line, cost, likely?.[line.label]).replaceAll("\n", ", ");
  }
  return chart;
}

// The charts of several tables in one drawing, each with its title.
function inGrid(tables, width, drawOne) {
  const across = Math.max(1, Math.min(tables.length, Math.floor(width / 300), 3));
  const size = width / across;
  const charts = tables.map((table) => drawOne(table, Math.floor(size - 8)));
  const height = 22 + Number(charts[0].getAttribute("height"));
  const whole = height * Math.ceil(charts.length / across);
  const svg = d3.create("svg").attr("width", width).attr("height", whole).attr("viewBox", [0, 0, width, whole]).attr("fill", "currentColor").node();
  charts.forEach((chart, i) => {
    const [x, y] = [size * (i % across), height * Math.floor(i / across)];
    chart.setAttribute("x", x);
    chart.setAttribute("y", y + 20);
    svg.append(chart);
    d3.select(svg).append("text").attr("x", x + 4).attr("y", y + 14).attr("font-weight", 600).text(tables[i].title);
  });
  return svg;
}
