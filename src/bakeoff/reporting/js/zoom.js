// Zooming into a chart with two axes: draw a box, Ctrl + wheel, pinch, buttons, or keys.
//
// A view is the part that is shown, [left, right, top, bottom] in shares of the whole chart, so that it holds for linear,
// logarithmic and reversed axes alike.

const WHOLE_VIEW = [0, 1, 0, 1];
const SMALLEST_VIEW = 0.003;
const STEP = 0.6;

const isWhole = (view) => view.every((end, i) => end === WHOLE_VIEW[i]);
const within = (from, size) => [Math.min(Math.max(from, 0), 1 - size), Math.min(Math.max(from, 0), 1 - size) + size];

// The view after showing `factor` as much, with the point `at`, in shares of the view, where it is.
function zoomView([x0, x1, y0, y1], factor, [ax, ay] = [0.5, 0.5]) {
  const side = (from, to, share) => {
    const size = Math.min(Math.max((to - from) * factor, SMALLEST_VIEW), 1);
    return within(from + share * (to - from - size), size);
  };
  return [...side(x0, x1, ax), ...side(y0, y1, ay)];
}

const moveView = ([x0, x1, y0, y1], dx, dy) => [...within(x0 + dx * (x1 - x0), x1 - x0), ...within(y0 + dy * (y1 - y0), y1 - y0)];

// The part between two corners, each [x, y] in shares of the view.
function boxView([x0, x1, y0, y1], a, b) {
  const side = (from, to, i) => {
    const [low, high] = [Math.min(a[i], b[i]), Math.max(a[i], b[i])].map((share) => from + Math.min(Math.max(share, 0), 1) * (to - from));
    return within(low, Math.max(high - low, SMALLEST_VIEW));
  };
  return [...side(x0, x1, 0), ...side(y0, y1, 1)];
}

// The part of a domain that a view shows: `from` and `to` in shares from its low to its high end.
function partOf([low, high], log, from, to) {
  const at = (share) => (log ? low * (high / low) ** share : low + share * (high - low));
  return [at(from), at(to)];
}

// Make a chart respond: `frame` are its margins in pixels, `show(view, focus)` draws it again.
function makeZoomable(chart, frame, view, show) {
  const [width, height] = [Number(chart.getAttribute("width")), Number(chart.getAttribute("height"))];
  const shareOf = (event) => {
    const box = chart.getBoundingClientRect();
    const [x, y] = [((event.clientX - box.left) * width) / box.width, ((event.clientY - box.top) * height) / box.height];
    return [(x - frame.left) / (width - frame.left - frame.right), (y - frame.top) / (height - frame.top - frame.bottom)];
  };
  chart.style.touchAction = "pan-x pan-y";
  chart.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    show(zoomView(view, 1.0025 ** Math.max(-200, Math.min(200, event.deltaY)), shareOf(event)));
  }, { passive: false });
  chart.addEventListener("dblclick", () => show(WHOLE_VIEW));
  chart.addEventListener("pointerdown", (event) => event.pointerType !== "touch" && event.button === 0 && drawBox(event), true); // before the tooltip

  function drawBox(start) {
    const from = shareOf(start);
    const box = d3.select(chart).append("rect").attr("class", "box");
    const place = (share, low, high, size) => low + Math.min(Math.max(share, 0), 1) * (size - low - high);
    const move = (event) => {
      const to = shareOf(event);
      const [xs, ys] = [[from[0], to[0]].map((s) => place(s, frame.left, frame.right, width)), [from[1], to[1]].map((s) => place(s, frame.top, frame.bottom, height))];
      box.attr("x", Math.min(...xs)).attr("width", Math.abs(xs[0] - xs[1])).attr("y", Math.min(...ys)).attr("height", Math.abs(ys[0] - ys[1]));
    };
    const end = (event) => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", end);
      box.remove();
      if (Math.abs(event.clientX - start.clientX) > 8 && Math.abs(event.clientY - start.clientY) > 8) show(boxView(view, from, shareOf(event)));
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end);
  }

  // The touches of a pinch belong to the chart that they began on, also after it was drawn again.
  let pinch = null;
  const spread = ([a, b]) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
  chart.addEventListener("touchstart", (event) => {
    if (event.touches.length !== 2) return;
    const [a, b] = event.touches;
    pinch = { view, size: spread(event.touches), at: shareOf({ clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 }) };
  }, { passive: true });
  chart.addEventListener("touchmove", (event) => {
    if (!pinch || event.touches.length !== 2) return;
    event.preventDefault();
    show(zoomView(pinch.view, pinch.size / Math.max(spread(event.touches), 1), pinch.at));
  }, { passive: false });
  chart.addEventListener("touchend", () => (pinch = null));

  // By keyboard, around the mark that has the focus.
  const at = () => {
    const mark = document.activeElement;
    if (!chart.contains(mark)) return [0.5, 0.5];
    const { left, top, width: across, height: down } = mark.getBoundingClientRect();
    return shareOf({ clientX: left + across / 2, clientY: top + down / 2 });
  };
  const keys = {
    "+": () => zoomView(view, STEP, at()), "=": () => zoomView(view, STEP, at()), "-": () => zoomView(view, 1 / STEP, at()), 0: () => WHOLE_VIEW,
    ArrowLeft: () => moveView(view, -0.2, 0), ArrowRight: () => moveView(view, 0.2, 0), ArrowUp: () => moveView(view, 0, -0.2), ArrowDown: () => moveView(view, 0, 0.2),
  };
  const press = (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const { zoom, net } = document.activeElement.dataset;
    show(keys[event.key](), zoom ? `[data-zoom="${zoom}"]` : `[tabindex][data-net="${CSS.escape(net ?? "")}"]`);
  };
  chart.addEventListener("keydown", press);
  const button = (name, text, label, next) =>
    element("button", { type: "button", class: "quiet", "data-zoom": name, "aria-label": label, title: label, disabled: name === "reset" && isWhole(view), onclick: () => show(next(), `[data-zoom=${name === "reset" ? "in" : name}]`), onkeydown: press }, text);
  return element("div", { class: "zoom", role: "group", "aria-label": "Zoom" },
    button("in", "+", "Zoom in", keys["+"]), button("out", "\u2212", "Zoom out", keys["-"]), button("reset", "Whole chart", "Show the whole chart", keys[0]),
    element("span", {}, "Draw a box, pinch, or Ctrl + wheel to zoom; + \u2212 0 and arrows by keyboard."));
}
