// Sorting of tables, and filtering of rankings.

function sortBy(button) {
  const heading = button.closest("th");
  const table = button.closest("table");
  const numeric = button.dataset.kind === "number";
  const before = heading.getAttribute("aria-sort");
  // Accuracy and speed start with the largest value, everything else with the smallest.
  const first = ["accuracy", "validation", "speed"].includes(button.dataset.sort) ? "descending" : "ascending";
  const direction = before === "none" ? first : before === "ascending" ? "descending" : "ascending";
  for (const other of table.querySelectorAll("th[aria-sort]")) other.setAttribute("aria-sort", "none");
  heading.setAttribute("aria-sort", direction);
  kept.sort = [table.dataset.table ?? "", button.dataset.sort, direction].join(" ");
  if (table.dataset.table) keepAddress();
  const sign = direction === "ascending" ? 1 : -1;
  const value = (row) => row.querySelector(`[data-name="${button.dataset.sort}"]`).dataset.value;
  const rows = [...table.tBodies[0].rows].map((row) => ({ row, value: value(row) }));
  rows.sort((a, b) => {
    if (a.value === "" || b.value === "") return (a.value === "") - (b.value === ""); // unknown values last
    return sign * (numeric ? a.value - b.value : a.value.localeCompare(b.value, "en", { numeric: true }));
  });
  table.tBodies[0].append(...rows.map(({ row }) => row));
}

// What is copied from a table has a line for each row and a tab between cells.
document.addEventListener("copy", (event) => {
  const chosen = getSelection();
  if (chosen.isCollapsed) return;
  const range = chosen.getRangeAt(0);
  const rows = [...document.querySelectorAll("main tr")].filter((row) => range.intersectsNode(row));
  const table = rows[0]?.closest("table");
  if (rows.length < 2 || !table?.contains(range.commonAncestorContainer)) return;
  const textOf = (cell) => [...cell.cloneNode(true).childNodes].filter((node) => !node.matches?.("[role=tooltip], svg")).map((node) => node.textContent).join(" ").replace(/\s+/g, " ").trim();
  event.clipboardData.setData("text/plain", rows.map((row) => [...row.cells].map(textOf).join("\t")).join("\n"));
  event.preventDefault();
});

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

// The text of a row's audit findings, shown while the pointer or the focus is on its mark.
function startMarks() {
  document.querySelectorAll(".mark a[data-findings]").forEach((link, i) => {
    const texts = link.dataset.findings.split(" ").map((number) => document.querySelector(`#finding-${number} > p`)?.lastChild.textContent.trim());
    const more = link.dataset.more ? [`and ${link.dataset.more} more`] : [];
    const tip = element("span", { role: "tooltip", id: `audit-${i}` }, ...[...texts, ...more].filter(Boolean).map((text) => element("span", {}, text)));
    link.setAttribute("aria-describedby", tip.id);
    link.after(tip);
  });
}

function startTables() {
  for (const button of document.querySelectorAll("button[data-sort]"))
    button.addEventListener("click", () => sortBy(button));
  const [key, name, direction] = (kept.sort ?? "").split(" ");
  const sorted = document.querySelector(`table[data-table="${CSS.escape(key ?? "")}"] button[data-sort="${CSS.escape(name ?? "")}"]`);
  for (let i = 0; sorted && i < 2 && sorted.closest("th").getAttribute("aria-sort") !== direction; i++) sortBy(sorted);
  const input = document.getElementById("filter");
  input.addEventListener("input", () => filterRows(input.value));
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      input.value = "";
      filterRows("");
    }
  });
}
