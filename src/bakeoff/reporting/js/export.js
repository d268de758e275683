// Figures that stand alone: with title, legend and their style written into them.

const SVG = "http://www.w3.org/2000/svg";
const STYLES = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "opacity", "color",
  "font-family", "font-size", "font-weight", "font-variant-numeric", "text-anchor", "mix-blend-mode",
];

function make(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text != null) made.textContent = text;
  return made;
}

// A drawing with its title above and a legend of the networks in it, [label, colour, dash] each, below.
function standalone(svg, title, legend = []) {
  const copy = svg.cloneNode(true);
  const [from, to] = [[svg, ...svg.querySelectorAll("*")], [copy, ...copy.querySelectorAll("*")]];
  from.forEach((node, i) => {
    const style = getComputedStyle(node);
    to[i].setAttribute("style", STYLES.map((property) => `${property}:${style.getPropertyValue(property)}`).join(";"));
  });
  copy.querySelectorAll("style, [aria-label=tip], [data-part=tip], [data-part='pointer tip']").forEach((node) => node.remove());
  const [width, height] = [svg.viewBox.baseVal.width || svg.clientWidth, svg.viewBox.baseVal.height || svg.clientHeight];
  const { color: ink, fontFamily } = getComputedStyle(svg);
  const rows = layOutLegend(legend, width);
  const whole = height + 30 + 20 * rows.length + (rows.length ? 8 : 0);
  const outer = make("svg", { xmlns: SVG, width, height: whole, viewBox: `0 0 ${width} ${whole}`, "font-family": fontFamily, "font-size": 12 });
  outer.append(
    make("rect", { width: "100%", height: "100%", fill: getComputedStyle(document.body).backgroundColor }),
    make("text", { x: 4, y: 18, fill: ink, "font-size": 14, "font-weight": 600 }, title),
  );
  copy.setAttribute("y", 30);
  copy.setAttribute("height", height);
  outer.append(copy);
  rows.forEach((row, line) => {
    const y = height + 44 + 20 * line;
    for (const { label, stroke, dashes, x } of row) {
      outer.append(
        make("line", { x1: x, x2: x + 18, y1: y - 4, y2: y - 4, stroke, "stroke-width": 3, ...(dashes ? { "stroke-dasharray": dashes } : {}) }),
        make("text", { x: x + 24, y, fill: ink }, label),
      );
    }
  });
  return { text: new XMLSerializer().serializeToString(outer), width, height: whole };
}

function layOutLegend(legend, width) {
  const rows = [];
  let x = Infinity;
  const probe = document.createElement("i");
  document.body.append(probe);
  for (const [label, name, dashes] of legend) {
    probe.style.color = name;
    const size = 44 + 7 * label.length;
    if (x + size > width) {
      rows.push([]);
      x = 4;
    }
    rows.at(-1).push({ label, stroke: getComputedStyle(probe).color, dashes, x });
    x += size;
  }
  probe.remove();
  return rows;
}

async function toPng({ text, width, height }) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = element("canvas", { width: 2 * width, height: 2 * height });
  canvas.getContext("2d").drawImage(image, 0, 0, 2 * width, 2 * height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}
