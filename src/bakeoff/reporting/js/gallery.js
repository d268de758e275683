// Test images with what the networks say of them: pictures cut from the data set's sheet by the style `sheet-KEY`.

const datasets = new Map(DATA.datasets.map((dataset) => [dataset.key, dataset]));
const datasetOf = (table) => datasets.get(table.dataset);

const percentOf = (confidence) => format.percent(confidence, confidence > 0.9995 || confidence < 0.9945 ? 0 : 1);

// One picture, or an empty frame where the sheet had no room for it.
function picture(dataset, image, text) {
  const place = dataset.sheet?.tiles[image];
  if (place == null) return element("span", { class: "picture none", role: "img", "aria-label": `${text}, not shown` });
  const { columns, rows } = dataset.sheet;
  const at = (index, count) => (count > 1 ? (100 * index) / (count - 1) : 0);
  const x = at(place % columns, columns);
  const y = at(Math.floor(place / columns), rows);
  const style = `background-position: ${x}% ${y}%`;
  return element("span", { class: `picture sheet-${dataset.key}`, role: "img", "aria-label": text, title: text, style });
}

const nameOf = (dataset, image) => dataset.files[image] ?? `test image ${image}`;

// Pictures with a line or two below each: entries are { image, text, caption: [nodes] }.
function pictures(dataset, entries) {
  return element(
    "ul",
    { class: `pictures${dataset.sheet && dataset.sheet.width > 40 ? " large" : ""}` },
    ...entries.map(({ image, text, caption }) =>
      element(
        "li",
        {},
        picture(dataset, image, text),
        element("span", { class: "caption", "aria-hidden": "true" }, ...caption),
      ),
    ),
  );
}

const imageColumns = [
  { name: "image", text: "Test image", format: (value) => String(value) },
  { name: "file", text: "File" },
  { name: "true", text: "True class" },
];

const KINDS = {
  wrong: ["Wrong", "errors", "the surest first"],
  unsure: ["Right but unsure", "images got right", "the least sure first"],
  sure: ["Right and sure", "images got right", "the surest of each class"],
};

figures.gallery = {
  title: "What a network sees right and wrong",
  controls: (table) => [
    {
      name: "network",
      label: "Network",
      menu: true,
      options: table.lines.filter((line) => line.images).map((line) => [line.label, line.label]),
    },
    { name: "kind", label: "Images", options: Object.entries(KINDS).map(([kind, [text]]) => [kind, text]) },
  ],
  draw({ table, choice }) {
    const columns = [
      ...imageColumns,
      { name: "taken", text: "Taken for" },
      { name: "confidence", text: "Probability", format: (value) => format.percent(value, 1) },
      { name: "right", text: "Seeds right", format: format.count },
      { name: "seeds", text: "Of", format: format.count },
    ];
    const dataset = datasetOf(table);
    const line = table.lines.find((own) => own.label === choice.network && own.images);
    if (!line) return { chart: null, rows: [], columns, said: "No run has finished here yet." };
    const { seeds, right } = line.images;
    const rows = line.images[choice.kind].map(([image, taken, confidence, agreed]) => ({
      image,
      file: dataset.files[image] ?? "",
      true: table.classes[dataset.labels[image]],
      taken: table.classes[taken],
      confidence,
      right: agreed,
      seeds,
    }));
    const all = d3.sum(line.pooled.images) / seeds;
    const [, what, order] = KINDS[choice.kind];
    const count = choice.kind === "wrong" ? all - right : right;
    if (!rows.length)
      return { chart: null, rows, columns, said: `${line.label} has no ${what} among ${format.count(all)} test images.` };
    if (!dataset.sheet) return { chart: null, rows, columns, said: dataset.note };
    const entries = rows.map((row) => ({
      image: row.image,
      text:
        `${nameOf(dataset, row.image)}: ${row.true}, taken for ${row.taken} with probability ` +
        `${percentOf(row.confidence)}${seeds > 1 ? `; ${row.right} of ${seeds} seeds are right` : ""}`,
      caption: [
        row.true,
        ...(row.true === row.taken ? [] : [" → ", element("b", {}, row.taken)]),
        element("small", {}, percentOf(row.confidence)),
      ],
    }));
    return {
      chart: pictures(dataset, entries),
      rows,
      columns,
      note:
        `${format.count(rows.length)} of ${line.label}’s ${format.count(count)} ${what}, ${order}.` +
        (choice.kind === "wrong" ? " The true class comes first, in bold the one it was taken for." : ""),
    };
  },
};

figures.together = {
  title: "Hard for all, and disputed",
  controls: (table) =>
    table.shared && table.lines.filter((line) => line.images).length > 1
      ? [
          {
            name: "kind",
            label: "Images",
            options: [
              ["wrong", "All wrong"],
              ["disputed", "Most disagreement"],
            ],
          },
        ]
      : [],
  draw({ table, choice }) {
    const dataset = datasetOf(table);
    const lines = table.lines.filter((line) => line.images);
    const columns = [...imageColumns, ...lines.map((line) => ({ name: line.label, text: line.label }))];
    if (lines.length < 2) return { chart: null, rows: [], columns, said: "It takes two networks with a result." };
    const { allWrong, allDisputed } = table.shared;
    const images = table.shared[choice.kind];
    const rows = images.map((image) => ({
      image,
      file: dataset.files[image] ?? "",
      true: table.classes[dataset.labels[image]],
      ...Object.fromEntries(lines.map((line) => [line.label, table.classes[line.images.shared[image][0]]])),
    }));
    const total = format.count(d3.sum(lines[0].pooled.images) / lines[0].images.seeds);
    if (!images.length) {
      const said =
        choice.kind === "wrong"
          ? `Every one of the ${total} test images is got right by some network.`
          : `The networks agree on all ${total} test images.`;
      return { chart: null, rows, columns, said };
    }
    const note =
      choice.kind === "wrong"
        ? `${format.count(allWrong)} of ${total} test images are got right by none of the ${lines.length} networks. Many that all take for the same other class may be labelled wrongly.`
        : `The networks differ on ${format.count(allDisputed)} of ${total} test images; the most evenly divided come first.`;
    if (!dataset.sheet) return { chart: null, rows, columns, said: `${note} ${dataset.note}` };
    const entries = rows.map((row) => {
      const votes = d3
        .rollups(
          lines,
          (own) => own.length,
          (line) => row[line.label],
        )
        .sort((a, b) => b[1] - a[1]);
      const say = (count, name) =>
        count === lines.length ? `all say ${name}` : `${count} say${count === 1 ? "s" : ""} ${name}`;
      const told = votes.map(([name, count]) => `${name} by ${count}`).join(", ");
      return {
        image: row.image,
        text: `${nameOf(dataset, row.image)}: ${row.true}; taken for ${told} of ${lines.length} networks`,
        caption: [
          row.true,
          ...votes.slice(0, 3).map(([name, count]) =>
            element("small", { class: name === row.true ? "right" : null }, say(count, name)),
          ),
          votes.length > 3 ? element("small", {}, `${votes.length - 3} more`) : null,
        ].filter(Boolean),
      };
    });
    return { chart: pictures(dataset, entries), rows, columns, note };
  },
};
