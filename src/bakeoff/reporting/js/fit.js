// Training against test accuracy.

figures.fit = {
  title: "Training against test accuracy",
  coloured: true,
  how: "The further the hollow dot is to the right of the filled one, the more a network overfits.",
  draw({ table, width }) {
    const rows = table.lines
      .filter((line) => line.test_accuracy != null && line.trainAccuracy != null)
      .map((line) => ({
        network: line.label,
        train: line.trainAccuracy,
        test: line.test_accuracy,
        gap: line.trainAccuracy - line.test_accuracy,
      }));
    const columns = [
      { name: "network", text: "Network" },
      { name: "train", text: "Training accuracy", format: format.accuracy },
      { name: "test", text: "Test accuracy", format: format.accuracy },
      { name: "gap", text: "Gap", format: (v) => `${format.points(v)} points` },
    ];
    if (!rows.length) return { chart: null, rows, columns, message: "No network has a result yet." };
    const { margin, written } = besideNames(
      rows.map((d) => d.network),
      width,
    );
    const chart = Plot.plot({
      width,
      height: 64 + 26 * rows.length,
      marginLeft: margin,
      marginRight: 24,
      marginTop: 26,
      marginBottom: 16,
      x: {
        grid: true,
        nice: true,
        tickSize: 0,
        ticks: narrow(width) ? 4 : 8,
        axis: "top",
        label: null,
        tickFormat: format.share,
      },
      y: { domain: rows.map((d) => d.network), label: null, tickSize: 0, tickFormat: written },
      color: { type: "identity" },
      marks: [
        Plot.ruleY(rows, {
          y: "network",
          ariaLabel: "network",
          x1: "train",
          x2: "test",
          stroke: (d) => colour(d.network),
          strokeWidth: 2,
          strokeOpacity: 0.5,
        }),
        Plot.dot(rows, {
          x: "train",
          y: "network",
          ariaLabel: "network",
          r: 5,
          stroke: (d) => colour(d.network),
          strokeWidth: 2,
          fill: "var(--paper)",
        }),
        Plot.dot(rows, {
          x: "test",
          y: "network",
          ariaLabel: "network",
          r: 5,
          stroke: (d) => colour(d.network),
          strokeWidth: 2,
          fill: (d) => colour(d.network),
        }),
        Plot.tip(
          rows,
          Plot.pointerY({
            x: "test",
            y: "network",
            title: (d) => `${d.network}\ntraining ${format.accuracy(d.train)}\ntest ${format.accuracy(d.test)}`,
          }),
        ),
      ],
    });
    return {
      chart,
      rows,
      columns,
      note: "Filled: test accuracy; hollow: training accuracy of the reported epoch. With augmentation or dropout, training accuracy can be the lower one.",
    };
  },
};
