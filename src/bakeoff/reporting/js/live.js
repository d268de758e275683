// A live page reloads itself and keeps the choices of the reader (see `kept` in core.js).

function startLive() {
  if (!live) return;
  const button = document.getElementById("pause");
  const filter = document.getElementById("filter");
  const say = () => {
    button.textContent = kept.paused ? "Resume" : "Pause";
    button.setAttribute("aria-pressed", String(Boolean(kept.paused)));
  };
  const keep = () => {
    Object.assign(kept, { scroll: scrollY, scope: page.key, filter: filter.value });
    try {
      sessionStorage.setItem("bakeoff-live", JSON.stringify(kept));
    } catch {
      /* storage is not available */
    }
  };
  button.addEventListener("click", () => {
    kept.paused = !kept.paused;
    say();
  });
  addEventListener("pagehide", keep);
  setInterval(() => {
    const busy = document.activeElement?.matches("select, input[type=search]");
    if (!kept.paused && !busy && !document.hidden) location.reload();
  }, 1000 * live);
  history.scrollRestoration = "manual";
  if (kept.filter) filterRows((filter.value = kept.filter));
  if (kept.scroll) scrollTo({ top: kept.scroll, behavior: "instant" });
  say();
}
