// Start everything: tables, figures, the selection of the data set, the theme.

function startTheme() {
  const button = document.getElementById("theme");
  const root = document.documentElement;
  const dark = () =>
    root.dataset.theme === "auto" || !root.dataset.theme
      ? matchMedia("(prefers-color-scheme: dark)").matches
      : root.dataset.theme === "dark";
  const say = () => {
    button.textContent = dark() ? "Light" : "Dark";
    button.setAttribute("aria-label", dark() ? "Switch to light colours" : "Switch to dark colours");
  };
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try {
      localStorage.setItem("bakeoff-theme", root.dataset.theme);
    } catch {
      /* storage is not available */
    }
    say();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", say);
  say();
}

function startScope() {
  const select = document.getElementById("scope");
  if (select) select.value = page.key;
  select?.addEventListener("change", () => {
    page.key = select.value;
    keepAddress();
    document.dispatchEvent(new Event("table"));
  });
}

// Mark the visible section in the navigation bar.
function startSections() {
  const links = new Map([...document.querySelectorAll(".bar nav a")].map((link) => [link.hash.slice(1), link]));
  const watch = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        links.forEach((link) => link.removeAttribute("aria-current"));
        links.get(target.id)?.setAttribute("aria-current", "true");
      }
    },
    { rootMargin: "-15% 0px -75% 0px" },
  );
  document.querySelectorAll("main > section").forEach((section) => watch.observe(section));
}

function startSaving() {
  for (const button of document.querySelectorAll("button[data-save]")) {
    button.addEventListener("click", () =>
      save(
        button.dataset.save,
        new Blob([document.getElementById(button.dataset.from).textContent], { type: "text/plain" }),
      ),
    );
  }
}

const ENDINGS = { csv: "csv", markdown: "md", latex: "tex" };

function startRanking() {
  const said = document.getElementById("copied");
  for (const button of document.querySelectorAll("button[data-ranking]")) {
    const form = button.dataset.ranking;
    const text = DATA.ranking[form].join("\n");
    button.addEventListener("click", async () => {
      if (!("copy" in button.dataset)) return save(`ranking.${ENDINGS[form]}`, new Blob([text], { type: "text/plain" }));
      said.textContent = (await copy(text)) ? "Copied" : "Not copied: the browser does not allow it";
    });
  }
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = element("textarea", { style: "position: fixed; opacity: 0" });
    document.body.append(area);
    area.value = text;
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

// A link to each heading beside it.
function startAnchors() {
  const headings = [...document.querySelectorAll("main > section[id] > h2:not(.unseen)")].map((own) => [own, own.parentElement.id]);
  const tables = [...document.querySelectorAll(".ranking[id] > h3")].map((own) => [own, own.parentElement.id]);
  const charts = [...document.querySelectorAll("[data-figure] h3[id]")].map((own) => [own, own.id]);
  for (const [heading, id] of [...headings, ...tables, ...charts]) {
    heading.append(element("a", { class: "anchor", href: `#${id}`, "aria-label": "Link to this part" }, "#"));
  }
}

// The target of a link may be inside a closed element.
function startLinks() {
  const open = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1).split("&")[0]));
    const closed = target?.closest("details:not([open])");
    if (!closed) return;
    closed.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", open);
  open();
}

startTables();
startMarks();
startLinks();
startTheme();
startSaving();
startSections();
startSwatches();
startPointing();
document.querySelectorAll("[data-figure]").forEach(mount);
startScope();
startRanking();
startAnchors();
startPrinting();
startLive();
