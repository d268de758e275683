// The data set: examples of each class, how many images there are of each, and a map of the test images.

figures.examples = {
  title: "Test images of each class",
  controls: () => [],
  draw({ table }) {
    const dataset = datasetOf(table);
    const columns = [
      { name: "class", text: "Class" },
      { name: "image", text: "Test image", format: (value) => String(value) },
      { name: "file", text: "File" },
    ];
    if (!dataset) return { chart: null, rows: [], columns, said: "The store says nothing about these images." };
    if (!dataset.sheet) return { chart: null, rows: [], columns, said: dataset.note };
    const rows = table.classes.flatMap((name, i) =>
      dataset.examples[i].map((image) => ({ class: name, image, file: dataset.files[image] ?? "" })),
    );
    const chart = element(
      "dl",
      { class: `examples${table.classes.length > 20 ? " many" : ""}` },
      ...table.classes.map((name, i) =>
        element(
          "div",
          {},
          element("dt", {}, name),
          element(
            "dd",
            {},
            ...dataset.examples[i].map((image) => picture(dataset, image, `${name}, ${nameOf(dataset, image)}`)),
          ),
        ),
      ),
    );
    return { chart, rows, columns, note: "Drawn evenly from each class’s test images." };
  },
};

const SPLITS = { train: "Training", validation: "Validation", test: "Test" };

figures.balance = {
  title: "Images of each class",
  controls: () => [],
  draw({ table, width }) {
    const dataset = datasetOf(table);
    const columns = [
      { name: "class", text: "Class" },
      { name: "split", text: "Split" },
      { name: "images", text: "Images", format: format.count },
      { name: "share", text: "Of the split", format: (value) => format.percent(value, 1) },
    ];
    if (!dataset) return { chart: null, rows: [], columns, said: "The store says nothing about these images." };
    const rows = Object.entries(dataset.counts).flatMap(([split, counts]) =>
      table.classes.map((name, i) => ({
        class: name,
        split: SPLITS[split],
        images: counts[i],
        share: counts[i] / d3.sum(counts),
      })),
    );
    const splits = Object.keys(dataset.counts).map((split) => SPLITS[split]);
    const left = Math.min(20 + 7 * d3.max(table.classes, (name) => name.length), 0.3 * width);
    const many = table.classes.length > 40;
    const step = many ? 10 : 22;
    const chart = Plot.plot({
      width,
      height: 54 + step * table.classes.length,
      marginLeft: many ? 12 : left,
      marginRight: 34,
      marginTop: 30,
      x: { label: null, grid: true, nice: true, ticks: narrow(width) ? 2 : 4, tickFormat: (value) => format.short(value) },
      y: { domain: table.classes, label: null, tickSize: 0, axis: many ? null : "left" },
      fx: { domain: splits, label: null, padding: 0.08 },
      marks: [
        Plot.barX(rows, { x: "images", y: "class", fx: "split", fill: "var(--accent)", fillOpacity: 0.7, insetTop: 2, insetBottom: 2 }),
        Plot.ruleX([0], { stroke: "var(--muted)" }),
        Plot.tip(
          rows,
          Plot.pointerY({
            x: "images",
            y: "class",
            fx: "split",
            title: (d) => `${d.class}, ${d.split.toLowerCase()}\n${format.count(d.images)} images, ${format.percent(d.share, 1)}`,
          }),
        ),
      ],
    });
    const told = Object.entries(dataset.counts).map(([split, counts]) => {
      const [least, most] = d3.extent(counts);
      const sizes = least === most ? `${format.count(most)} of each class` : `${format.count(least)} to ${format.count(most)} a class`;
      return `${SPLITS[split]}: ${format.count(d3.sum(counts))} images, ${sizes}.`;
    });
    return { chart, rows, columns, note: told.join(" ") + (dataset.note ? ` ${dataset.note}` : "") };
  },
};

const EVERY = "";

figures.map = {
  title: "The test images by likeness",
  controls: (table) => [
    {
      name: "network",
      label: "Errors of",
      menu: true,
      options: [
        [EVERY, "all networks"],
        ...table.lines.filter((line) => line.images?.map).map((line) => [line.label, line.label]),
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
      const said = dataset?.note ?? "There are too few different images for a map.";
      return { chart: null, rows: [], columns, said };
    }
    const every = table.lines.filter((line) => line.images?.map);
    const lines = choice.network === EVERY ? every : every.filter((line) => line.label === choice.network);
    const rows = dataset.map.images.map((image, i) => {
      const label = dataset.labels[image];
      const [x, y] = dataset.map.places[i];
      const taken = lines.map((line) => line.images.map[i]).filter((own) => own !== label);
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
    const right = rows.filter((d) => !d.wrong);
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
          ? Plot.text(right, { ...place, text: "true", fill: "var(--muted)", fillOpacity: 0.75, fontSize: 11 })
          : Plot.dot(right, { ...place, r: 2.5, fill: "var(--muted)", fillOpacity: 0.45 }),
        Plot.dot(failed, { ...place, r: short ? 8 : 5, fill: share, stroke: "var(--surface)" }),
        short ? Plot.text(failed, { ...place, text: "true", fill: "#151719", fontSize: 11, fontWeight: 600 }) : null,
        Plot.tip(
          rows,
          Plot.pointer({
            ...place,
            title: (d) =>
              `${nameOf(dataset, d.image)}: ${d.true}\n` +
              (d.wrong
                ? `wrong by ${d.of > 1 ? `${d.wrong} of ${d.of} networks` : lines[0].label}: ${d.names.join(", ")}`
                : "right"),
          }),
        ),
      ],
    });
    const beside = element("div", { class: "beside" });
    chart.addEventListener("input", () => {
      const { value } = chart;
      beside.replaceChildren(...(value ? [picture(dataset, value.image, `${nameOf(dataset, value.image)}: ${value.true}`)] : []));
    });
    const all = d3.sum(dataset.counts.test);
    const some = rows.length < all ? `${format.count(rows.length)} of ${format.count(all)} test images` : "All test images";
    return {
      chart,
      beside,
      rows,
      columns,
      note: `${some} by the first two principal components of their pixels: near one another means alike in brightness and coarse form. Marked where a network fails, ${lines.length > 1 ? "the stronger the more of them do" : `here ${lines[0]?.label}`}: ${format.count(failed.length)} images.`,
    };
  },
};
