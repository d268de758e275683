// Names beside points and at the ends of curves, where there is room.

// Put each name on one of four sides of its point where it overlaps no point, interval or other name. If there is no
// such place it may cross an interval; failing that, it appears only in the tooltip and the table.
function placeLabels(chart, named, points, { at, mean, low, high, width }) {
  const x = chart.scale("x").apply,
    y = chart.scale("y").apply;
  const box = (left, right, top, bottom) => ({ left, right, top, bottom });
  const meets = (a) => (b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const taken = points.map((d) => box(x(at(d)) - 7, x(at(d)) + 7, y(mean(d)) - 7, y(mean(d)) + 7));
  const intervals = points
    .filter((d) => d.test_accuracy_low != null)
    .map((d) => box(x(at(d)) - 2, x(at(d)) + 2, Math.min(y(high(d)), y(low(d))), Math.max(y(high(d)), y(low(d)))));
  for (const line of d3.sort(named, (d) => -d.test_accuracy)) {
    const [cx, cy, size] = [x(at(line)), y(mean(line)), 6.8 * line.label.length];
    const places = [
      ["start", cx + 9, cy - 8],
      ["end", cx - 9, cy - 8],
      ["start", cx + 9, cy + 17],
      ["end", cx - 9, cy + 17],
    ]
      .map(([anchor, px, py]) => ({
        anchor,
        px,
        py,
        ...(anchor === "start" ? box(px, px + size, py - 11, py + 4) : box(px - size, px, py - 11, py + 4)),
      }))
      .filter((place) => place.left > 60 && place.right < width && !taken.some(meets(place)));
    const place = places.find((own) => !intervals.some(meets(own))) ?? places[0];
    if (!place) continue;
    taken.push(place);
    d3.select(chart)
      .append("text")
      .attr("x", place.px)
      .attr("y", place.py)
      .attr("data-net", line.label)
      .attr("text-anchor", place.anchor)
      .attr("fill", "var(--ink)")
      .attr("font-size", 12.5)
      .attr("stroke", "var(--paper)")
      .attr("stroke-width", 4)
      .attr("paint-order", "stroke")
      .attr("pointer-events", "none")
      .text(line.label);
  }
}

// The right margin of a chart with names at the ends of its curves.
const marginForNames = (names, width) =>
  narrow(width) ? 16 : Math.min(12 + 7.2 * d3.max(names, (name) => name.length), 0.3 * width);

// Marks with the names of curves at their last points; none on narrow screens. Names that are `apart` need no room above
// each other.
const nameEnds = (last, span, width, { x, y, text, fill, apart }) =>
  narrow(width)
    ? []
    : [Plot.text(spread(last, span, y, undefined, apart), { x, y: "place", text, fill, textAnchor: "start", dx: 9 })];

// Places for names at the ends of curves, moved so that they neither overlap nor leave the chart; `gap` is the share of
// the height of a name. If there are too many, the lowest have none.
function spread(rows, [low, high], y, gap = 0.045, apart = () => false) {
  const least = gap * Math.max(high - low, 1e-9);
  const named = d3.sort(rows, (row) => -row[y]).slice(0, Math.floor(1 / gap) + 1);
  const places = named.map((row) => row[y]);
  const near = (i, j) => !apart(named[i], named[j]);
  for (let i = 0; i < named.length; i++)
    for (let j = 0; j < i; j++) if (near(i, j)) places[i] = Math.min(places[i], places[j] - least);
  for (let i = named.length - 1; i >= 0; i--) {
    places[i] = Math.max(places[i], low);
    for (let j = i + 1; j < named.length; j++) if (near(i, j)) places[i] = Math.max(places[i], places[j] + least);
  }
  return named.map((row, i) => ({ ...row, place: places[i] }));
}
