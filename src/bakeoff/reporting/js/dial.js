// How networks answer when one thing about the images is turned: a curve for each, with its interval.

const experimentOf = (choice) => DATA.experiments[Number(choice.experiment ?? 0)] ?? DATA.experiments[0];

figures.dial = {
  title: "Response curves",
  about: (choice) => experimentOf(choice).title,
  controls: () =>
    DATA.experiments.length > 1
      ? [
          {
            name: "experiment",
            label: "Experiment",
            menu: true,
            options: DATA.experiments.map(({ title }, i) => [String(i), title]),
          },
        ]
      : [],
  draw({ choice, width }) {
    const { turn, about, geometric, levels, chance, curves } = experimentOf(choice);
    const rows = curves.flatMap(({ net, points }) =>
      points.map(({ level, accuracy, low, high, seeds }) => ({
        network: net,
        level,
        accuracy,
        low: low == null ? null : Math.max(0, low),
        high: high == null ? null : Math.min(1, high),
        seeds,
        chance: chance[levels.indexOf(level)],
      })),
    );
    const columns = [
      { name: "network", text: "Network" },
      { name: "level", text: `Level of ${turn}`, format: format.decimal },
      { name: "accuracy", text: "Test accuracy", format: format.percent },
      { name: "low", text: "Interval from", format: format.percent },
      { name: "high", text: "to", format: format.percent },
      { name: "seeds", text: "Seeds", format: format.count },
      { name: "chance", text: "Chance", format: format.percent },
    ];
    const nets = curves.map(({ net }) => net);
    // A network that other settings set apart in the tables has another name there; it takes a colour in turn.
    const stroke = ({ network }) => (DATA.nets.includes(network) ? colour(network) : `var(--c${nets.indexOf(network) % 10})`);
    const last = nets.map((net) => rows.findLast((row) => row.network === net));
    const reversed = levels.length > 1 && levels[0] > levels.at(-1);
    const small = narrow(width);
    const known = rows.filter((row) => row.low != null);
    const chart = Plot.plot({
      width,
      height: small ? 300 : 360,
      marginLeft: 50,
      marginRight: small ? 16 : Math.min(12 + 7.2 * d3.max(nets, (net) => net.length), 0.3 * width),
      marginBottom: 44,
      marginTop: 20,
      x: {
        type: geometric ? "log" : "linear",
        label: `${turn}: ${about}${geometric ? ", log scale" : ""}`,
        labelAnchor: "center",
        labelArrow: "none",
        ticks: levels,
        tickFormat: format.decimal,
        tickSize: 0,
        reverse: reversed,
      },
      y: {
        label: "Test accuracy",
        labelArrow: "none",
        tickFormat: (value) => `${+(100 * value).toFixed(1)}${THIN}%`,
        tickSize: 0,
        grid: true,
        nice: true,
      },
      color: { type: "identity" },
      marks: [
        Plot.areaY(known, { x: "level", y1: "low", y2: "high", z: "network", fill: stroke, fillOpacity: 0.13 }),
        Plot.lineY(
          levels.map((level, i) => ({ level, chance: chance[i] })),
          { x: "level", y: "chance", stroke: "var(--muted)", strokeDasharray: "2,4" },
        ),
        Plot.lineY(rows, { x: "level", y: "accuracy", z: "network", stroke, strokeWidth: 1.75 }),
        Plot.dot(rows, { x: "level", y: "accuracy", r: 3.5, fill: stroke }),
        ...(small
          ? []
          : [
              Plot.text(spread(last, d3.extent(rows.flatMap((row) => [row.low ?? row.accuracy, row.high ?? row.accuracy]))), {
                x: "level",
                y: "place",
                text: "network",
                fill: stroke,
                textAnchor: "start",
                dx: 9,
              }),
            ]),
        Plot.tip(
          rows,
          Plot.pointer({
            x: "level",
            y: "accuracy",
            title: (d) =>
              `${d.network}, ${turn} ${format.decimal(d.level)}\n${format.percent(d.accuracy)}${
                d.low == null ? "" : `, ${format.percent(d.low)} to ${format.percent(d.high)}`
              }\n${d.seeds} ${d.seeds === 1 ? "seed" : "seeds"}`,
          }),
        ),
      ],
    });
    return {
      chart,
      rows,
      columns,
      note: `Means over seeds; bands are their 95${THIN}% intervals where there is more than one seed. Dotted: chance, the share of the commonest class.`,
    };
  },
};

// Names at the ends of curves, moved apart where they would lie on each other.
function spread(rows, [low, high]) {
  const least = 0.045 * Math.max(high - low, 1e-9);
  let above = Infinity;
  return d3
    .sort(rows, (row) => -row.accuracy)
    .map((row) => {
      const place = Math.min(row.accuracy, above - least);
      above = place;
      return { ...row, place };
    });
}
