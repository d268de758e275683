// Images enlarged, with what each network says of them: opened from a picture, a confusion, a class or a point of the map.

const AT_ONCE = 60; // images in the viewer, until more are asked for

const viewer = element("dialog", { class: "viewer", "aria-labelledby": "viewer-title" });

// Images with what networks say of each, those of `first` before the others; `note` says which and how many.
function showImages(table, images, heading, { first = [], note = "" } = {}) {
  const dataset = datasetOf(table);
  const held = images.filter((image) => hasPicture(dataset, image));
  const lines = table.lines.filter((line) => line.images);
  const order = d3.sort(lines, (line) => (first.includes(line.label) ? -2 : 0) - (selection.has(line.label) ? 1 : 0));
  const most = held.length === 1 ? 40 : Math.max(first.length, 4);
  const say = (image) => order.slice(0, most).map((line) => {
    const { taken, confidence } = saidOf(dataset, line, image);
    return element("small", { class: taken === labelOf(dataset, image) ? "right" : null }, `${line.label}: ${table.classes[taken]}, ${percentOf(confidence)}`);
  });
  const item = (image) => {
    const name = table.classes[labelOf(dataset, image)];
    return element("li", {}, picture(dataset, image, `${nameOf(dataset, image)}: ${name}`), element("span", { class: "caption" }, element("b", {}, name), element("small", {}, nameOf(dataset, image)), ...say(image)));
  };
  const list = element("ul", { class: "pictures large" }, ...held.slice(0, AT_ONCE).map(item));
  const more = element("button", { type: "button", class: "quiet", onclick: () => {
    list.append(...held.slice(list.children.length, list.children.length + AT_ONCE).map(item));
    more.hidden = list.children.length >= held.length;
  } }, `Show more of ${format.count(held.length)}`);
  more.hidden = held.length <= AT_ONCE;
  const close = element("button", { type: "button", class: "quiet", onclick: () => viewer.close() }, "Close");
  const missing = dataset?.sheet ? heldNote(dataset) : (dataset?.note ?? "");
  viewer.replaceChildren(
    element("header", {}, element("h3", { id: "viewer-title" }, heading), close),
    element("p", { class: "held" }, [note, held.length === 1 && !note ? "" : missing].filter(Boolean).join(" ")),
    ...(held.length ? [list, more] : [element("p", {}, "No picture of such an image is on the page.")]),
  );
  if (!viewer.isConnected) document.body.append(viewer);
  viewer.showModal();
}

// Pictures of errors of a network: of true class i, predicted as j or, without it, as any other.
function showErrors(table, line, i, j) {
  const dataset = datasetOf(table);
  const images = dataset?.images.filter((image) => {
    const { taken } = saidOf(dataset, line, image);
    return labelOf(dataset, image) === i && taken !== i && (j == null || taken === j);
  }) ?? [];
  const held = images.filter((image) => hasPicture(dataset, image)).length;
  const { cells, rightOf, seeds } = line.images ?? { cells: [], rightOf: [], seeds: 1 };
  const all = j == null ? (dataset?.counts.test[i] ?? 0) - rightOf[i] : cells.find((cell) => cell[0] === i && cell[1] === j)?.[2];
  const what = j == null ? `${table.classes[i]}, wrong for ${line.label}` : `${table.classes[i]} predicted as ${table.classes[j]} by ${line.label}`;
  const vote = seeds > 1 ? `, by the vote of ${seeds} seeds` : "";
  const note = all == null || all < held ? `${format.counted(held, "image")}${vote}.` : all === 0 ? `No image${vote}: single seeds differ.` : `${format.count(held)} of ${format.counted(all, "image")} shown${vote}.`;
  showImages(table, d3.sort(images, (image) => -saidOf(dataset, line, image).confidence), what, { first: [line.label], note });
}

// A click on a mark of a chart with a pointer: `act` gets what the pointer is at.
function onMark(chart, act) {
  chart.style.cursor = "pointer";
  chart.addEventListener("click", () => chart.value && act(chart.value));
  return chart;
}

// From gradient to number: what the strength of a colour stands for, on top of a heat map.
function colourKey(from, to, low, high) {
  const size = 120;
  const svg = d3.create("svg").attr("class", "key").attr("width", size + 110).attr("height", 18).attr("role", "img").attr("aria-label", `Colour: ${low} to ${high}`);
  d3.range(12).forEach((i) => svg.append("rect").attr("x", 50 + (i * size) / 12).attr("y", 3).attr("width", size / 12 + 0.5).attr("height", 12).attr("fill", tint("warm", from + ((to - from) * i) / 11)));
  svg.append("text").attr("x", 44).attr("y", 13).attr("text-anchor", "end").attr("fill", "var(--muted)").attr("font-size", 11).text(low);
  svg.append("text").attr("x", 56 + size).attr("y", 13).attr("fill", "var(--muted)").attr("font-size", 11).text(high);
  return svg.node();
}
