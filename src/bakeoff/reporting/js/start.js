// Put everything in motion: tables, figures, the choice of the data set, the theme.

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
      /* a private window keeps nothing */
    }
    say();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", say);
  say();
}

function startScope(redraw) {
  const select = document.getElementById("scope");
  if (select) select.value = page.key;
  select?.addEventListener("change", () => {
    page.key = select.value;
    redraw();
  });
}

// Mark the section being read in the bar.
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

// What a link leads to may lie in a closed part.
function startLinks() {
  const open = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const closed = target?.closest("details:not([open])");
    if (!closed) return;
    closed.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", open);
  open();
}

startTables();
startLinks();
startTheme();
startSaving();
startSections();
const redraws = [...document.querySelectorAll("[data-figure]")].map(mount);
startScope(() => redraws.forEach((redraw) => redraw()));
startLive();
