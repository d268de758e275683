// What the reader chose, in the address, so that a link shows the same. See `addressed` in core.js.

const defaults = {}; // figure → field → the value without a choice

function keepAddress() {
  const pairs = [];
  const put = (key, value) => pairs.push(`${encodeURIComponent(key)}=${encodeURIComponent(value)}`);
  if (page.key !== DATA.tables[0].key) put("data", page.key);
  if (!isDefault()) put("nets", [...selection.slots.keys()].map(encodeURIComponent).join(","));
  if (page.flawed) put("all", "1");
  if (kept.sort) put("sort", kept.sort);
  for (const [figure, choice] of Object.entries(kept.choices)) {
    for (const [field, value] of Object.entries(choice)) {
      if (defaults[figure]?.[field] !== undefined && value !== defaults[figure][field]) put(`${figure}.${field}`, value);
    }
  }
  const [section] = location.hash.slice(1).split("&");
  history.replaceState(null, "", pairs.length || section ? `#${[section, ...pairs].join("&")}` : location.href.split("#")[0]);
}
