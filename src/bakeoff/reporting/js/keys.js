// Every mark of a chart by keyboard: with the focus on the chart, the arrow keys step through its numbers, which are read
// out and shown below it, and Enter does what a press on the mark does.

const STRIDES = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };

// Returns the line below the chart. Of what is drawn, `act` is what a press does, with the row.
function readByKeys(chart, { columns, rows, act }) {
  const line = element("output", { class: "said", "aria-live": "polite" });
  const told = columns.filter((column) => !column.show);
  const tell = (row) =>
    told
      .map(({ name, text, format }) => (row[name] == null || row[name] === "" ? "" : format ? `${text} ${format(row[name])}` : row[name]))
      .filter(Boolean)
      .join(", ");
  let at = -1;
  const hint = `${format.counted(rows.length, "value")}: arrow keys step through them${act ? ", Enter shows the images" : ""}.`;
  chart.setAttribute("tabindex", "0");
  chart.addEventListener("focus", () => (line.textContent = at < 0 ? hint : tell(rows[at])));
  chart.addEventListener("blur", () => (line.textContent = ""));
  chart.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && act && at >= 0) act(rows[at]);
    if (!(event.key in STRIDES)) return;
    event.preventDefault();
    at = Math.min(Math.max(at + STRIDES[event.key], 0), rows.length - 1);
    line.textContent = tell(rows[at]);
    point(rows[at].network ?? rows[at].first ?? null);
  });
  return line;
}
