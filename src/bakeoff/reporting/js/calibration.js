// Whether networks are as often right as they say, and all quality measures side by side.

figures.calibration = {
  title: "Confidence against accuracy",
  legend: 6,
  draw({ table, width, shown }) {
    const rows = table.lines
      .filter((line) => line.pooled && shown.has(line.label))
      .flatMap((line) => {
        const { images, correct, confidence } = line.pooled.reliability;
        return images
          .map((n, i) => ({ network: line.label, images: n, confidence: confidence[i] / n, accuracy: correct[i] / n }))
          .filter((d) => d.images);
      });
    const columns = [
      { name: "network", text: "Network" },
      { name: "confidence", text: "Mean confidence", format: format.percent },
      { name: "accuracy", text: "Accuracy", format: format.percent },
      { name: "images", text: "Images", format: format.count },
    ];
    if (!rows.length)
      return {
        chart: null,
        rows,
        columns,
        said: shown.size ? "No run has finished here yet." : "Choose a network above.",
      };
    // One small panel per network: several on one are not told apart.
    const labels = [...new Set(rows.map((d) => d.network))];
    const across = Math.min(labels.length, Math.max(Math.floor(width / (narrow(width) ? 150 : 220)), 1));
    const down = Math.ceil(labels.length / across);
    const place = new Map(labels.map((label, i) => [label, { fx: i % across, fy: Math.floor(i / across) }]));
    const facet = { fx: (d) => place.get(d.network ?? d).fx, fy: (d) => place.get(d.network ?? d).fy };
    const side = Math.min((width - 54) / across, 260);
    const percent = (v) => format.percent(v, 0);
    const chart = Plot.plot({
      width: 54 + side * across,
      height: 62 + (side - 4) * down,
      marginLeft: 48,
      marginBottom: 42,
      marginTop: 20,
      marginRight: 6,
      fx: { axis: null, padding: narrow(width) ? 0.24 : 0.18 },
      fy: { axis: null, padding: 0.14 },
      x: {
        domain: [0, 1],
        tickSize: 0,
        ticks: [0, 0.5, 1],
        tickFormat: percent,
        label: "Confidence of the prediction",
        labelAnchor: "center",
        labelArrow: "none",
      },
      y: {
        domain: [0, 1],
        tickSize: 0,
        ticks: [0, 0.5, 1],
        tickFormat: percent,
        label: "Share that was right",
        labelArrow: "none",
      },
      r: { range: [1, 7] },
      color: { type: "identity" },
      marks: [
        Plot.gridX([0, 0.5, 1]),
        Plot.gridY([0, 0.5, 1]),
        Plot.line(
          labels.flatMap((network) => [
            { network, at: 0 },
            { network, at: 1 },
          ]),
          { ...facet, x: "at", y: "at", stroke: "var(--muted)", strokeDasharray: "3 4" },
        ),
        Plot.line(rows, {
          ...facet,
          x: "confidence",
          y: "accuracy",
          stroke: (d) => colour(d.network),
          z: "network",
          strokeWidth: 1.25,
          strokeOpacity: 0.45,
        }),
        Plot.dot(rows, {
          ...facet,
          x: "confidence",
          y: "accuracy",
          r: "images",
          fill: (d) => colour(d.network),
          fillOpacity: 0.75,
        }),
        Plot.text(labels, {
          ...facet,
          frameAnchor: "bottom-right",
          dx: -6,
          dy: -6,
          text: (d) => d,
          fill: "var(--ink)",
          fontWeight: 600,
        }),
        Plot.tip(
          rows,
          Plot.pointer({
            ...facet,
            x: "confidence",
            y: "accuracy",
            title: (d) =>
              `${d.network}\nsaid ${format.percent(d.confidence, 1)}, was right ${format.percent(d.accuracy, 1)}\n${format.count(d.images)} images`,
          }),
        ),
      ],
    });
    return {
      chart,
      rows,
      columns,
      note: "On the broken line a network is right as often as it says; below it, it is too sure of itself. Dots grow with the number of images, all finished seeds together, in 15 equal bins of confidence.",
    };
  },
};

figures.quality = {
  title: "Quality measures",
  table: true,
  draw({ table }) {
    const lines = table.lines.filter((line) => line.pooled);
    const has = (name) => lines.some((line) => line.pooled.quality[name]);
    const rows = lines.map((line) => ({
      network: line.label,
      accuracy: line.test_accuracy,
      loss: line.test_loss,
      ...Object.fromEntries(Object.entries(line.pooled.quality).map(([name, [mean]]) => [name, mean])),
      seeds: line.seeds,
    }));
    const columns = [
      { name: "network", text: "Network" },
      { name: "accuracy", text: "Accuracy", format: format.percent },
      ...(has("top5_accuracy") ? [{ name: "top5_accuracy", text: "Top 5", format: format.percent }] : []),
      { name: "balanced_accuracy", text: "Balanced", format: format.percent },
      { name: "macro_f1", text: "Macro F1", format: format.percent },
      { name: "loss", text: "Loss", format: format.decimal },
      { name: "brier", text: "Brier", format: format.decimal },
      { name: "ece", text: "Calibration error", format: format.percent },
      ...(has("robustness") ? [{ name: "robustness", text: "Robustness", format: format.percent }] : []),
      { name: "seeds", text: "Seeds", format: format.count },
    ];
    return {
      chart: null,
      rows,
      columns,
      said: rows.length ? null : "No run has finished here yet.",
      note: `Means over seeds. Balanced: mean of the classes’ accuracies. Brier: squared error of the probabilities summed over classes, 0 to 2. Calibration error: mean distance of confidence from accuracy over 15 equal bins (ECE).${
        has("robustness") ? " Robustness: accuracy on corrupted images as a share of that on clean ones." : ""
      }`,
    };
  },
};
