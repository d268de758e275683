// Reliability diagrams, and a table of quality measures.

figures.calibration = {
  title: "Confidence against accuracy",
  legend: true,
  coloured: true,
  how: "Dots below the dashed line mean that a network is overconfident.",
  draw({ table, width }) {
    const rows = table.lines
      .filter((line) => line.pooled && selection.has(line.label))
      .flatMap((line) => {
        const { images, correct, confidence } = line.pooled.reliability;
        return images
          .map((n, i) => ({ network: line.label, images: n, confidence: confidence[i] / n, accuracy: correct[i] / n }))
          .filter((d) => d.images);
      });
    const columns = [
      { name: "network", text: "Network" },
      { name: "confidence", text: "Mean confidence", format: format.accuracy },
      { name: "accuracy", text: "Accuracy", format: format.accuracy },
      { name: "images", text: "Images", format: format.count },
    ];
    if (!rows.length)
      return {
        chart: null,
        rows,
        columns,
        message: table.lines.some((line) => selection.has(line.label)) ? "No run has finished yet." : "Choose a network above.",
      };
    // One small panel per network: several in one panel would overlap.
    const labels = [...new Set(rows.map((d) => d.network))];
    const across = Math.min(labels.length, Math.max(Math.floor(width / (narrow(width) ? 150 : 220)), 1));
    const down = Math.ceil(labels.length / across);
    const place = new Map(labels.map((label, i) => [label, { fx: i % across, fy: Math.floor(i / across) }]));
    const facet = { fx: (d) => place.get(d.network ?? d).fx, fy: (d) => place.get(d.network ?? d).fy };
    const side = Math.min((width - 66) / across, 260);
    const percent = (v) => format.percent(v, 0);
    const chart = Plot.plot({
      width: 66 + side * across,
      height: 62 + (side - 4) * down,
      marginLeft: 48,
      marginBottom: 42,
      marginTop: 20,
      marginRight: 18,
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
        label: "Accuracy",
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
          ariaLabel: "network",
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
          ariaLabel: "network",
          fill: (d) => colour(d.network),
          fillOpacity: 0.75,
        }),
        Plot.text(labels, {
          ...facet,
          frameAnchor: "bottom-right",
          dx: -6,
          dy: -6,
          text: fitting(0.9 * side - 10, 7.6),
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
              `${d.network}\nconfidence ${format.percent(d.confidence, 1)}, accuracy ${format.percent(d.accuracy, 1)}\n${format.count(d.images)} images`,
          }),
        ),
      ],
    });
    return {
      chart,
      rows,
      columns,
      note: "On the dashed line a network is calibrated; below it, overconfident. Dot size shows the number of images over all finished seeds, in 15 equal bins of confidence.",
    };
  },
};

figures.quality = {
  title: "Quality measures",
  how: "Higher is better for accuracies and F1, lower for loss, Brier score and calibration error.",
  table: true,
  draw({ table }) {
    const lines = table.lines.filter((line) => line.pooled);
    const has = (name) => lines.some((line) => line.pooled.quality[name]);
    const rows = lines.map((line) => ({
      network: line.label,
      accuracy: line.test_accuracy,
      loss: line.test_loss,
      ...line.pooled.quality,
      seeds: line.seeds,
    }));
    const columns = [
      { name: "network", text: "Network" },
      { name: "accuracy", text: "Accuracy", format: format.accuracy },
      ...(has("top5_accuracy") ? [{ name: "top5_accuracy", text: "Top 5", format: format.accuracy }] : []),
      { name: "balanced_accuracy", text: "Balanced", format: format.accuracy },
      { name: "macro_f1", text: "Macro F1", format: format.accuracy },
      { name: "loss", text: "Loss", format: format.decimal },
      { name: "brier", text: "Brier", format: format.decimal },
      { name: "ece", text: "Calibration error", format: format.accuracy },
      ...(has("robustness") ? [{ name: "robustness", text: "Robustness", format: format.accuracy }] : []),
      { name: "seeds", text: "Seeds", format: format.count },
    ];
    return {
      chart: null,
      rows,
      columns,
      message: rows.length ? null : "No run has finished yet.",
      note: `Means over seeds. Balanced: mean accuracy over classes. Brier: squared error of the probabilities summed over classes, 0 to 2. Calibration error: expected calibration error (ECE) over 15 equal bins.${
        has("robustness") ? " Robustness: accuracy on corrupted images divided by that on clean ones." : ""
      }`,
    };
  },
};
