// Response of the networks to one varied property of the images: a curve each, with its interval.

const experimentOf = (choice) => DATA.experiments[Number(choice.experiment ?? 0)] ?? DATA.experiments[0];

figures.dial = {
  title: "Response curves",
  how: "A curve that stays high withstands the change; where two cross, another network takes the lead.",
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
    // A network with other settings has another name in the tables, and takes the next colour.
    const stroke = ({ network }) => (DATA.nets.includes(network) ? colour(network) : `var(--c${nets.indexOf(network) % 8})`);
    const last = nets.map((net) => rows.findLast((row) => row.network === net));
    const reversed = levels.length > 1 && levels[0] > levels.at(-1);
    const span = d3.extent(rows.flatMap((row) => [row.low ?? row.accuracy, row.high ?? row.accuracy]));
    const known = rows.filter((row) => row.low != null);
    const chart = Plot.plot({
      width,
      height: narrow(width) ? 300 : 360,
      marginLeft: 50,
      marginRight: marginForNames(nets, width),
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
        tickFormat: format.share,
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
        ...nameEnds(last, span, width, { x: "level", y: "accuracy", text: "network", fill: stroke }),
        Plot.tip(
          rows,
          Plot.pointer({
            x: "level",
            y: "accuracy",
            title: (d) =>
              `${d.network}, ${turn} ${format.decimal(d.level)}\n${format.percent(d.accuracy)}${
                d.low == null ? "" : `, ${format.percent(d.low)} to ${format.percent(d.high)}`
              }\n${format.counted(d.seeds, "seed")}`,
          }),
        ),
      ],
    });
    return {
      chart,
      rows,
      columns,
      note: `Means over seeds; bands: 95${THIN}% intervals, for more than one seed. Dotted: chance, the share of the most common class.`,
    };
  },
};
