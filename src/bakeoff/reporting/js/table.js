// Sorting of the tables that stand in the page, and filtering of the rankings among them.

function sortBy(button) {
  const heading = button.closest("th");
  const table = button.closest("table");
  const numeric = button.dataset.kind === "number";
  const before = heading.getAttribute("aria-sort");
  // Accuracy and speed are asked for best first, all else from small to large.
  const first = ["accuracy", "validation", "speed"].includes(button.dataset.sort) ? "descending" : "ascending";
  const direction = before === "none" ? first : before === "ascending" ? "descending" : "ascending";
  for (const other of table.querySelectorAll("th[aria-sort]")) other.setAttribute("aria-sort", "none");
  heading.setAttribute("aria-sort", direction);
  const sign = direction === "ascending" ? 1 : -1;
  const value = (row) => row.querySelector(`[data-name="${button.dataset.sort}"]`).dataset.value;
  const rows = [...table.tBodies[0].rows].map((row) => ({ row, value: value(row) }));
  rows.sort((a, b) => {
    if (a.value === "" || b.value === "") return (a.value === "") - (b.value === ""); // unknown goes last
    return sign * (numeric ? a.value - b.value : a.value.localeCompare(b.value, "en", { numeric: true }));
  });
  table.tBodies[0].append(...rows.map(({ row }) => row));
}

function filterRows(text) {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0,
    all = 0;
  for (const table of document.querySelectorAll("table.sortable")) {
    let here = 0;
    for (const row of table.tBodies[0].rows) {
      const words = `${row.dataset.words} ${table.dataset.words}`.toLowerCase();
      row.hidden = !wanted.every((word) => words.includes(word));
      here += !row.hidden;
      all += 1;
    }
    table.closest(".ranking").hidden = here === 0;
    shown += here;
  }
  document.getElementById("filter-found").textContent = wanted.length ? `${shown} of ${all} rows` : "";
}

function startTables() {
  for (const button of document.querySelectorAll("button[data-sort]"))
    button.addEventListener("click", () => sortBy(button));
  const input = document.getElementById("filter");
  input.addEventListener("input", () => filterRows(input.value));
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      input.value = "";
      filterRows("");
    }
  });
}
