// Test images with predictions. Pictures are parts of the sheet of a data set, by the style `sheet-KEY`.

const datasets = new Map(DATA.datasets.map((dataset) => [dataset.key, dataset]));
const datasetOf = (table) => datasets.get(table.dataset);
for (const dataset of DATA.datasets) dataset.at = new Map(dataset.images.map((image, i) => [image, i]));

// Of an image that the page holds: its class, and whether there is a picture. Of others only the class, if that.
const hasPicture = (dataset, image) => dataset?.sheet && dataset.at.get(image) < dataset.sheet.count;
const labelOf = (dataset, image) =>
  dataset.at.has(image) ? dataset.labels[dataset.at.get(image)] : dataset.allLabels ? Number.parseInt(dataset.allLabels[image], 36) : null;
const fileOf = (dataset, image) => dataset.files?.[dataset.at.get(image)] ?? "";

// What a network says of an image that the page holds: { taken, confidence, agreed }.
function saidOf(dataset, line, image) {
  const at = dataset.at.get(image);
  if (at == null || !line.images) return null;
  const { taken, confidence, agreed } = line.images;
  return { taken: taken[at], confidence: confidence[at] / 1000, agreed: agreed?.[at] ?? Number(taken[at] === dataset.labels[at]) };
}

// What of the images the page does not hold, and how to get it.
function heldNote(dataset) {
  const all = d3.sum(dataset.counts.test);
  const held = dataset.sheet?.count ?? 0;
  if (!held && dataset.note) return dataset.note;
  if (held >= all) return "";
  return `The page holds ${format.count(held)} of ${format.count(all)} test images; bakeoff report --images ${format.count(Math.min(all, Math.max(1000, 4 * held))).replaceAll(",", "")} embeds more.`;
}

const percentOf = (confidence) => format.percent(confidence, confidence > 0.9995 || confidence < 0.9945 ? 0 : 1);

// One picture, or an empty frame if the sheet had no room for it.
function picture(dataset, image, text) {
  const place = dataset.at.get(image);
  if (!hasPicture(dataset, image)) return element("span", { class: "picture none", role: "img", "aria-label": `${text}, not shown` });
  const { columns, rows } = dataset.sheet;
  const at = (index, count) => (count > 1 ? (100 * index) / (count - 1) : 0);
  const x = at(place % columns, columns);
  const y = at(Math.floor(place / columns), rows);
  const style = `background-position: ${x}% ${y}%`;
  return element("span", { class: `picture sheet-${dataset.key}`, role: "img", "aria-label": text, title: text, style });
}

const nameOf = (dataset, image) => fileOf(dataset, image) || `test image ${image}`;

// Pictures with a line or two below each: entries are { image, text, caption: [nodes] }.
function pictures(dataset, entries) {
  const open = (image, text) => element("button", { type: "button", class: "enlarge", "aria-label": `Enlarge ${text}`, onclick: () => showImages(page.table, [image], nameOf(dataset, image)) }, picture(dataset, image, text));
  return element(
    "ul",
    { class: `pictures${dataset.sheet && dataset.sheet.width > 40 ? " large" : ""}` },
    ...entries.map(({ image, text, caption }) =>
      element(
        "li",
        {},
        open(image, text),
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
  wrong: ["Wrong", "errors", "most confident first"],
  unsure: ["Correct, least confident", "correct images", "least confident first"],
  sure: ["Correct, most confident", "correct images", "most confident of each class"],
};

const votes = (seeds, label) => (seeds > 1 ? `By the vote of ${label}’s ${seeds} seeds, all` : `For ${label}, all`);

// A vote may be right where single seeds are wrong.
function errorsOf({ pooled, images: { seeds } }) {
  const wrong = d3.sum(pooled.images) - d3.sum(pooled.correct);
  return seeds > 1 && wrong ? `; single seeds make ${format.counted(wrong, "error")} in ${format.count(d3.sum(pooled.images))} predictions` : "";
}

figures.gallery = {
  title: "Predictions of one network",
  how: "Click an image to enlarge it, with the predictions of every network.",
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
      { name: "taken", text: "Predicted class" },
      { name: "confidence", text: "Probability", format: (value) => format.percent(value, 1) },
      { name: "right", text: "Seeds correct", format: format.count },
      { name: "seeds", text: "Of", format: format.count },
    ];
    const dataset = datasetOf(table);
    const line = table.lines.find((own) => own.label === choice.network && own.images);
    if (!line) return { chart: null, rows: [], columns, message: "No run has finished yet." };
    const { seeds, right } = line.images;
    const rows = line.images[choice.kind].map((image) => {
      const { taken, confidence, agreed } = saidOf(dataset, line, image);
      return { image, file: fileOf(dataset, image), true: table.classes[labelOf(dataset, image)], taken: table.classes[taken], confidence, right: agreed, seeds };
    });
    const all = d3.sum(line.pooled.images) / seeds;
    const [, what, order] = KINDS[choice.kind];
    const count = choice.kind === "wrong" ? all - right : right;
    if (!rows.length && count) return { chart: null, rows, columns, message: `None of ${line.label}’s ${format.count(count)} ${what} is on the page. ${heldNote(dataset)}` };
    if (!rows.length)
      return { chart: null, rows, columns, message: `${votes(seeds, line.label)} ${format.count(all)} test images are ${choice.kind === "wrong" ? "right" : "wrong"}${errorsOf(line)}.` };
    if (!dataset.sheet) return { chart: null, rows, columns, message: dataset.note };
    const entries = rows.map((row) => ({
      image: row.image,
      text:
        `${nameOf(dataset, row.image)}: ${row.true}, predicted as ${row.taken} with probability ` +
        `${percentOf(row.confidence)}${seeds > 1 ? `; ${row.right} of ${seeds} seeds are correct` : ""}`,
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
        (choice.kind === "wrong" ? " The true class comes first, then the predicted one in bold. " : " ") +
        heldNote(dataset),
    };
  },
};

figures.together = {
  title: "Images every network gets wrong, or disagrees on",
  how: "Where all networks agree on another class, look at the label first.",
  controls: (table) =>
    table.shared && table.lines.filter((line) => line.images).length > 1
      ? [
          {
            name: "kind",
            label: "Images",
            options: [
              ["wrong", "Wrong for all"],
              ["disputed", "Most disagreement"],
            ],
          },
        ]
      : [],
  draw({ table, choice }) {
    const dataset = datasetOf(table);
    const lines = table.lines.filter((line) => line.images);
    const columns = [...imageColumns, ...lines.map((line) => ({ name: line.label, text: line.label }))];
    if (lines.length < 2) return { chart: null, rows: [], columns, message: "This needs two networks with a result." };
    const { allWrong, allDisputed } = table.shared;
    const images = table.shared[choice.kind];
    const rows = images.map((image) => ({
      image,
      file: fileOf(dataset, image),
      true: table.classes[labelOf(dataset, image)],
      ...Object.fromEntries(lines.map((line) => [line.label, table.classes[saidOf(dataset, line, image).taken]])),
    }));
    const total = format.count(d3.sum(lines[0].pooled.images) / lines[0].images.seeds);
    if (!images.length) {
      const message =
        choice.kind === "wrong"
          ? `By the vote of their seeds, at least one network gets each of the ${total} test images right.`
          : `The networks agree on all ${total} test images.`;
      return { chart: null, rows, columns, message };
    }
    const note =
      choice.kind === "wrong"
        ? `${format.count(allWrong)} of ${total} test images are wrong for all ${lines.length} networks. If all predict the same class, the label may be wrong.`
        : `The networks disagree on ${format.count(allDisputed)} of ${total} test images; most evenly divided first.`;
    if (!dataset.sheet) return { chart: null, rows, columns, message: note };
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
      const counts = votes.map(([name, count]) => `${name} by ${count}`).join(", ");
      return {
        image: row.image,
        text: `${nameOf(dataset, row.image)}: ${row.true}; predicted as ${counts} of ${lines.length} networks`,
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
