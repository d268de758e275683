// The data set: examples and number of images of each class, and a map of the test images.

figures.examples = {
  title: "Test images of each class",
  how: "The images as the networks see them.",
  controls: () => [],
  draw({ table }) {
    const dataset = datasetOf(table);
    const columns = [
      { name: "class", text: "Class" },
      { name: "image", text: "Test image", format: (value) => String(value) },
      { name: "file", text: "File" },
    ];
    if (!dataset) return { chart: null, rows: [], columns, message: "The store has no record of these images." };
    if (!dataset.sheet) return { chart: null, rows: [], columns, message: dataset.note };
    const shown = table.classes.map((name, i) => [name, dataset.examples[i]]).filter(([, images]) => images.length);
    const rows = shown.flatMap(([name, images]) => images.map((image) => ({ class: name, image, file: fileOf(dataset, image) })));
    const chart = element(
      "dl",
      { class: `examples${shown.length > 20 ? " many" : ""}` },
      ...shown.map(([name, images]) =>
        element(
          "div",
          {},
          element("dt", {}, name),
          element(
            "dd",
            {},
            ...images.map((image) => picture(dataset, image, `${name}, ${nameOf(dataset, image)}`)),
          ),
        ),
      ),
    );
    const some = shown.length < table.classes.length ? ` ${shown.length} of ${format.count(table.classes.length)} classes.` : "";
    return { chart, rows, columns, note: `Evenly spaced among the test images of each class.${some}` };
  },
};

const MOST_BARS = 40; // classes in the chart of their sizes
const SPLITS = { train: "Training", validation: "Validation", test: "Test" };

figures.balance = {
  title: "Images of each class",
  how: "Classes with few images are learned less well and measured less precisely.",
  controls: () => [],
  draw({ table, width }) {
    const dataset = datasetOf(table);
    const columns = [
      { name: "class", text: "Class" },
      { name: "split", text: "Split" },
      { name: "images", text: "Images", format: format.count },
      { name: "share", text: "Of the split", format: (value) => format.percent(value, 1) },
    ];
    if (!dataset) return { chart: null, rows: [], columns, message: "The store has no record of these images." };
    const rows = Object.entries(dataset.counts).flatMap(([split, counts]) =>
      table.classes.map((name, i) => ({
        class: name,
        split: SPLITS[split],
        images: counts[i],
        share: counts[i] / d3.sum(counts),
      })),
    );
    const splits = Object.keys(dataset.counts).map((split) => SPLITS[split]);
    const left = Math.min(20 + 7.2 * d3.max(table.classes, (name) => name.length), 0.3 * width);
    // Of many classes, those with the fewest images and those with the most.
    const total = (name) => d3.sum(Object.values(dataset.counts), (counts) => counts[table.classes.indexOf(name)]);
    const bySize = d3.sort(table.classes, (name) => -total(name));
    const many = bySize.length > MOST_BARS;
    const shown = many ? [...bySize.slice(0, MOST_BARS / 2), ...bySize.slice(-MOST_BARS / 2)] : table.classes;
    const bars = many ? rows.filter((row) => shown.includes(row.class)) : rows;
    const chart = Plot.plot({
      width,
      height: 54 + (many ? 18 : 22) * shown.length,
      marginLeft: left,
      marginRight: 34,
      marginTop: 30,
      x: { label: null, grid: true, nice: true, ticks: narrow(width) ? 2 : 4, tickFormat: (value) => format.short(value) },
      y: { domain: shown, label: null, tickSize: 0, tickFormat: fitting(left - 14) },
      fx: { domain: splits, label: null, padding: 0.08 },
      marks: [
        Plot.barX(bars, { x: "images", y: "class", fx: "split", fill: "var(--accent)", fillOpacity: 0.7, insetTop: 2, insetBottom: 2 }),
        Plot.ruleX([0], { stroke: "var(--muted)" }),
        Plot.tip(
          bars,
          Plot.pointerY({
            x: "images",
            y: "class",
            fx: "split",
            title: (d) => `${d.class}, ${d.split.toLowerCase()}\n${format.count(d.images)} images, ${format.percent(d.share, 1)}`,
          }),
        ),
      ],
    });
    const notes = Object.entries(dataset.counts).map(([split, counts]) => {
      const [least, most] = d3.extent(counts);
      const sizes = least === most ? `${format.count(most)} of each class` : `${format.count(least)} to ${format.count(most)} a class`;
      return `${SPLITS[split]}: ${format.count(d3.sum(counts))} images, ${sizes}.`;
    });
    if (many) notes.push(`Shown: the ${MOST_BARS / 2} classes with the most images and the ${MOST_BARS / 2} with the fewest.`);
    return { chart, rows, columns, note: notes.join(" ") };
  },
};

const EVERY = "";

figures.map = {
  title: "Map of the test images (PCA)",
  how: "Each point is an image, coloured by class; rings are errors, and a click enlarges.",
  controls: (table) => [
    {
      name: "network",
      label: "Errors of",
      menu: true,
      options: [
        [EVERY, "all networks"],
        ...table.lines.filter((line) => line.images).map((line) => [line.label, line.label]),
      ],
    },
  ],
  draw({ table, choice, width }) {
    const dataset = datasetOf(table);
    const columns = [
      { name: "image", text: "Test image", format: (value) => String(value) },
      { name: "true", text: "True class" },
      { name: "x", text: "First component", format: format.decimal },
      { name: "y", text: "Second component", format: format.decimal },
      { name: "wrong", text: "Networks wrong", format: format.count },
      { name: "of", text: "Of", format: format.count },
    ];
    if (!dataset?.map) {
      const message = dataset?.note ?? "Too few images differ to draw a map.";
      return { chart: null, rows: [], columns, message };
    }
    const every = table.lines.filter((line) => line.images);
    const lines = choice.network === EVERY ? every : every.filter((line) => line.label === choice.network);
    const rows = dataset.map.images.map((image, i) => {
      const label = labelOf(dataset, image);
      const [x, y] = dataset.map.places[i];
      const taken = lines.map((line) => saidOf(dataset, line, image).taken).filter((own) => own !== label);
      const names = [...new Set(taken)].map((own) => table.classes[own]);
      return { image, true: table.classes[label], label, x, y, wrong: taken.length, of: lines.length, names };
    });
    const failed = d3.sort(
      rows.filter((d) => d.wrong),
      (d) => d.wrong,
    );
    const short = d3.max(table.classes, (name) => name.length) <= 2;
    const share = (d) => tint("warm", 0.5 + (0.5 * d.wrong) / Math.max(d.of, 1));
    const place = { x: "x", y: "y" };
    // Up to eight classes have the colours that all readers can tell; more go round the circle of hues.
    const few = table.classes.length <= COLOURS;
    const hue = (d) => (few ? `var(--c${d.label})` : `oklch(var(--map-lightness) 0.13 ${Math.round((360 * d.label) / table.classes.length)})`);
    const height = Math.min(width, 520);
    const chart = Plot.plot({
      width,
      height,
      margin: 12,
      x: { axis: null, domain: [-1.04, 1.04] },
      y: { axis: null, domain: [-1.04, 1.04] },
      color: { type: "identity" },
      marks: [
        Plot.frame({ stroke: "var(--rule)", rx: 6 }),
        short
          ? Plot.text(rows, { ...place, text: "true", fill: hue, fontSize: 11, fontWeight: 600 })
          : Plot.dot(rows, { ...place, r: 3, fill: hue, fillOpacity: 0.85 }),
        Plot.dot(failed, { ...place, r: short ? 8.5 : 6, fill: "none", stroke: share, strokeWidth: 1.75 }),
        Plot.tip(
          rows,
          Plot.pointer({
            ...place,
            title: (d) =>
              `${nameOf(dataset, d.image)}: ${d.true}\n` +
              (d.wrong
                ? `wrong for ${d.of > 1 ? `${d.wrong} of ${d.of} networks` : lines[0].label}: ${d.names.join(", ")}`
                : "correct"),
          }),
        ),
      ],
    });
    const act = (d) => showImages(table, [d.image], nameOf(dataset, d.image));
    onMark(chart, act);
    const preview = element("div", { class: "preview" });
    chart.addEventListener("input", () => {
      const { value } = chart;
      preview.replaceChildren(...(value ? [picture(dataset, value.image, `${nameOf(dataset, value.image)}: ${value.true}`)] : []));
    });
    const all = d3.sum(dataset.counts.test);
    const some = rows.length < all ? `${format.count(rows.length)} of ${format.count(all)} test images` : "All test images";
    return {
      chart,
      act,
      preview,
      rows,
      columns,
      note: `${some} by the first two principal components of their pixels: nearby images have similar brightness and coarse shape. Marked: the ${format.counted(failed.length, "image")} that ${lines.length > 1 ? "any network gets wrong, more strongly the more networks do" : `${lines[0]?.label} gets wrong`}.`,
    };
  },
};
