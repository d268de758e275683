// Networks in pairs: the matrix of all pairs, and two networks beside each other.

const pairOf = (table, a, b) => {
  const found = table.pairs.find((pair) => (pair.first === a && pair.second === b) || (pair.first === b && pair.second === a));
  if (!found || found.first === a) return found;
  return { ...found, first: a, second: b, difference: -found.difference, low: -found.high, high: -found.low, probability: 1 - found.probability, turned: true };
};

// As `bakeoff answer` prints a pair.
function pairText(pair) {
  const by = pair.mcnemar ? ` by McNemar's test, ${pair.mcnemar[pair.turned ? 1 : 0]} to ${pair.mcnemar[pair.turned ? 0 : 1]} images` : "";
  return `${format.points(pair.difference)} points${format.bracket(pair.low, pair.high)}, P(better) ${pair.probability.toFixed(3)}, p ${format.pValue(pair.p)}${by} (${pair.basis})`;
}

function pairVerdict(pair) {
  if (!pair.turned) return pair.verdict;
  return pair.better ? "significantly worse" : pair.verdict.replace(/it is behind$/, "it is ahead");
}

figures.pairs = {
  title: "Every pair of networks",
  how: "A cell says by how many points the network of its row is better than that of its column; only bold differences are significant.",
  draw({ table, width }) {
    const columns = [
      { name: "first", text: "Network" },
      { name: "second", text: "Against" },
      { name: "difference", text: "Difference, points", format: format.points },
      { name: "low", text: "Low", format: format.points },
      { name: "high", text: "High", format: format.points },
      { name: "probability", text: "P(better)", format: (value) => value.toFixed(3) },
      { name: "p", text: "Corrected p", format: format.pValue },
      { name: "seeds", text: "Seeds", format: format.count },
      { name: "verdict", text: "What would settle it" },
    ];
    const usable = new Set(table.lines.map((line) => line.label));
    const rows = table.pairs.filter((pair) => usable.has(pair.first) && usable.has(pair.second));
    if (!rows.length) return { chart: null, rows, columns, message: table.lines.filter((line) => !line.flaw && line.seeds).length > 1 ? "No two networks share a seed yet." : "There are no two networks with usable numbers to compare." };
    const labels = table.lines.map((line) => line.label).filter((label) => rows.some((pair) => pair.first === label || pair.second === label));
    const cells = labels.flatMap((a) => labels.filter((b) => b !== a).map((b) => pairOf(table, a, b)).filter(Boolean));
    const most = d3.quantile(cells.map((d) => Math.abs(d.difference)), 0.9) || 0.01;
    const strength = (d) => 0.75 * Math.min(Math.abs(d.difference) / most, 1);
    const letters = narrow(width) ? 11 : 40;
    const name = (label) => shorten(label, letters);
    const longest = d3.max(labels, (label) => name(label).length);
    const left = Math.min(16 + 8 * longest, 0.35 * width);
    const slanted = longest * 6.6 > Math.min((width - left) / labels.length, 90) - 4;
    const right = slanted ? Math.min(4.6 * longest, 0.26 * width) : 0;
    const cell = Math.min((width - left - right) / labels.length, 90);
    const numbered = cell > 38;
    const top = slanted ? Math.min(14 + 5 * longest, 120) : 28;
    const chart = Plot.plot({
      width: left + cell * labels.length + right,
      height: top + 8 + Math.max(24, Math.min(cell, 34)) * labels.length,
      marginLeft: left,
      marginRight: right,
      marginTop: top,
      marginBottom: 8,
      x: { domain: labels, axis: "top", label: null, padding: 0, tickSize: 0, tickRotate: slanted ? -45 : 0, tickFormat: name },
      y: { domain: labels, label: null, padding: 0, tickSize: 0, tickFormat: (label) => fitting(left - 16, 8)(name(label)) },
      color: { type: "identity" },
      marks: [
        Plot.cell(cells, { x: "second", y: "first", ariaLabel: "first", fill: (d) => tint(d.difference > 0 ? "accent" : "warm", strength(d)), inset: 0.75 }),
        ...(numbered
          ? [true, false].map((significant) =>
              Plot.text(cells.filter((d) => d.significant === significant), {
                x: "second",
                y: "first",
                text: (d) => format.points(d.difference),
                fill: (d) => onTint(strength(d)),
                fontWeight: significant ? 700 : 400, // not a channel of Plot
                fontSize: cell > 52 ? 12 : 10,
              }),
            )
          : [Plot.dot(cells.filter((d) => d.significant), { x: "second", y: "first", r: Math.min(cell / 7, 3), fill: (d) => onTint(strength(d)) })]),
        Plot.tip(
          cells,
          Plot.pointer({
            x: "second",
            y: "first",
            title: (d) => `${d.first} against ${d.second}\n${pairText(d)}\n${pairVerdict(d)}`,
          }),
        ),
      ],
    });
    const more = table.lines.filter((line) => line.test_accuracy != null && !line.flaw).length > labels.length ? ` The best ${labels.length} networks.` : "";
    const how = numbered ? figures.pairs.how : figures.pairs.how.replace("only bold differences", "only differences with a dot");
    return { chart, rows, columns, how, note: `Blue: better, orange: worse, over shared seeds and test images, p values corrected for all pairs.${more}` };
  },
};

// Which test images most seeds of a network got right.
function rightOf(line) {
  if (!line?.right) return null;
  const bytes = d3.range(0, line.right.length, 2).map((i) => Number.parseInt(line.right.slice(i, i + 2), 16));
  return (image) => Boolean(bytes[image >> 3] & (128 >> (image & 7)));
}

// The exact test of McNemar, two-sided, by logarithms of factorials.
function mcnemar(a, b) {
  const n = a + b;
  if (!n) return 1;
  const logs = d3.cumsum(d3.range(n + 1), (i) => Math.log(i || 1));
  const choose = (k) => Math.exp(logs[n] - logs[k] - logs[n - k] - n * Math.LN2);
  return Math.min(1, 2 * d3.sum(d3.range(Math.min(a, b) + 1), choose));
}

const comparable = (table) => table.lines.filter((line) => line.right).map((line) => [line.label, line.label]);

figures.versus = {
  title: "Two networks compared",
  how: "What one gets right and the other does not, by the vote of their seeds.",
  controls: (table) => [
    { name: "a", label: "Network", menu: true, options: comparable(table) },
    { name: "b", label: "against", menu: true, first: comparable(table)[1]?.[0], options: comparable(table) },
  ],
  draw({ table, choice, width }) {
    const columns = [
      { name: "class", text: "Class" },
      { name: "onlyFirst", text: `Only ${choice.a}`, format: format.count },
      { name: "onlySecond", text: `Only ${choice.b}`, format: format.count },
      { name: "difference", text: "Difference in accuracy, points", format: format.points },
    ];
    const [a, b] = [choice.a, choice.b].map((label) => table.lines.find((line) => line.label === label));
    if (!a || !b || a === b) return { chart: null, rows: [], columns, message: "Choose two networks with a result." };
    const dataset = datasetOf(table);
    const [rightA, rightB] = [rightOf(a), rightOf(b)];
    const total = dataset ? d3.sum(dataset.counts.test) : d3.sum(a.pooled.images) / a.seeds;
    const onlyA = d3.range(total).filter((image) => rightA(image) && !rightB(image));
    const onlyB = d3.range(total).filter((image) => !rightA(image) && rightB(image));
    const share = (line, i) => (line.pooled.images[i] ? line.pooled.correct[i] / line.pooled.images[i] : null);
    const known = dataset && (dataset.allLabels || dataset.images.length === total);
    const labelled = (images) => d3.rollup(images, (own) => own.length, (image) => labelOf(dataset, image));
    const [byA, byB] = known ? [labelled(onlyA), labelled(onlyB)] : [null, null];
    const rows = table.classes.map((name, i) => ({ class: name, onlyFirst: byA && (byA.get(i) ?? 0), onlySecond: byB && (byB.get(i) ?? 0), difference: share(a, i) - share(b, i) }));
    const pair = pairOf(table, a.label, b.label);
    const shown = d3.sort(rows, (row) => -Math.abs(row.difference)).slice(0, 20);
    const bars = Plot.plot({
      width: Math.min(width, 640),
      height: 60 + 20 * shown.length,
      marginLeft: Math.min(16 + 7 * d3.max(shown, (row) => row.class.length), 0.4 * width),
      marginTop: 46,
      marginBottom: 8,
      x: { axis: "top", grid: true, domain: d3.extent([0, ...shown.map((row) => row.difference), shown.some((row) => row.difference) ? 0 : 0.01]), tickSize: 0, ticks: 5, label: `Accuracy of ${a.label} minus ${b.label}, points`, labelArrow: "none", labelAnchor: "center", tickFormat: (value) => minus(`${+(100 * value).toFixed(2)}`) },
      y: { domain: shown.map((row) => row.class), label: null, tickSize: 0 },
      color: { type: "identity" },
      marks: [
        Plot.barX(shown, { x: "difference", y: "class", fill: (row) => (row.difference > 0 ? colour(a.label) : colour(b.label)), insetTop: 3, insetBottom: 3 }),
        Plot.ruleX([0], { stroke: "var(--muted)" }),
      ],
    });
    bars.setAttribute("role", "img");
    bars.setAttribute("aria-label", "Differences by class; the numbers are in the table below.");
    for (const part of bars.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label");
    const list = (images, label) => {
      const held = images.filter((image) => hasPicture(dataset, image));
      if (!dataset?.sheet) return [];
      if (!held.length) return images.length ? [element("p", {}, `No picture of an image that only ${label} gets right is on the page. ${heldNote(dataset)}`)] : [];
      const title = `Only ${label} is right`;
      const note = `${format.count(held.length)} of ${format.counted(images.length, "image")} shown.`;
      const all = element("button", { type: "button", class: "quiet", onclick: () => showImages(table, held, title, { first: [a.label, b.label], note }) }, `Enlarge all ${held.length}`);
      const said = (line, image) => {
        const { taken, confidence } = saidOf(dataset, line, image);
        return element("small", { class: taken === labelOf(dataset, image) ? "right" : null }, `${line.label}: ${table.classes[taken]}, ${percentOf(confidence)}`);
      };
      const entries = held.slice(0, 16).map((image) => {
        const name = table.classes[labelOf(dataset, image)];
        return { image, text: `${nameOf(dataset, image)}: ${name}`, caption: [name, said(a, image), said(b, image)] };
      });
      return [element("h4", {}, title, " ", element("small", {}, `${format.count(entries.length)} of ${format.count(images.length)}`), " ", all), pictures(dataset, entries)];
    };
    const only = element(
      "button",
      {
        type: "button",
        class: "quiet",
        onclick: () => {
          selection.set([a.label, b.label]);
          selection.changed();
        },
      },
      "Only these two in all charts",
    );
    const chart = element(
      "div",
      { class: "versus" },
      element("p", {}, pair ? `${a.label} against ${b.label}: ${pairText(pair)}: ${pairVerdict(pair)}.` : [a, b].some((line) => line.flaw) ? "They are not compared: at least one has no usable number." : "They are not compared: they share no seed, or others are better."),
      element("p", {}, `Right for ${a.label} alone: ${format.counted(onlyA.length, "test image")}; for ${b.label} alone: ${format.count(onlyB.length)}. ${a.seeds === 1 && b.seeds === 1 ? `McNemar’s exact test of these two runs, uncorrected: p = ${+mcnemar(onlyA.length, onlyB.length).toPrecision(2)}. ` : ""}`, only),
      bars,
      ...list(onlyA, a.label),
      ...list(onlyB, b.label),
    );
    return { chart, rows, columns, axis: `${a.label}-and-${b.label}`, note: table.classes.length > 20 ? "The 20 classes that differ most." : "" };
  },
};
