// A contest: what each training showed, and how likely each candidate was the best, against the seconds it took.

const contestOf = (choice) => DATA.contests[Number(choice.contest ?? 0)] ?? DATA.contests[0];

const contestControls = () =>
  DATA.contests.length > 1
    ? [{ name: "contest", label: "Contest", menu: true, options: DATA.contests.map(({ title }, i) => [String(i), title]) }]
    : [];

// Candidates keep their colour in both charts; beyond the colours of the page they are grey.
const contestColour = (names, name) => {
  const place = names.indexOf(name);
  return place < 8 ? `var(--c${place})` : "var(--muted)";
};

// The six highest ends have names, unless they are below `least`: others were dropped, and would crowd at the bottom.
function contestChart(rows, names, width, y, value, title, least = 0) {
  const stroke = ({ candidate }) => contestColour(names, candidate);
  const ends = names.map((name) => rows.findLast((row) => row.candidate === name)).filter(Boolean);
  const last = d3.sort(ends, (row) => -row[value]).slice(0, 6).filter((row) => row[value] >= least);
  const span = d3.extent(rows, (row) => row[value]);
  const [first, end] = d3.extent(rows, (row) => row.seconds);
  const room = ((end - first) * 7.2 * d3.max(names, (name) => name.length)) / (0.7 * width);
  const apart = (a, b) => Math.abs(a.seconds - b.seconds) > room;
  return Plot.plot({
    width,
    height: narrow(width) ? 300 : 360,
    marginLeft: 50,
    marginRight: marginForNames(names, width),
    marginBottom: 44,
    marginTop: 20,
    x: { label: "Seconds since the contest began", labelAnchor: "center", labelArrow: "none", tickSize: 0 },
    y: { ...y, labelArrow: "none", tickFormat: (share) => `${+(100 * share).toFixed(1)}${THIN}%`, tickSize: 0, grid: true },
    color: { type: "identity" },
    marks: [
      Plot.lineY(rows, { x: "seconds", y: value, z: "candidate", stroke, strokeWidth: 1.5, curve: y.curve ?? "linear" }),
      ...(y.curve ? [] : [Plot.dot(rows, { x: "seconds", y: value, r: 3.5, fill: stroke })]),
      ...nameEnds(last, span, width, { x: "seconds", y: value, text: "candidate", fill: stroke, apart }),
      Plot.tip(rows, Plot.pointer({ x: "seconds", y: value, title })),
    ],
  });
}

figures.contest = {
  title: "Results of the trainings",
  how: "Each point is a finished training; the next one of the same candidate is longer, or has another seed.",
  about: (choice) => contestOf(choice).title,
  controls: contestControls,
  draw({ choice, width }) {
    const rows = contestOf(choice).trainings;
    const names = [...new Set(rows.map(({ candidate }) => candidate))];
    const title = (d) =>
      `${d.candidate}\n${format.counted(d.epochs, "epoch")}, seed ${d.seed}\nvalidation accuracy ${d.text}`;
    return {
      chart: contestChart(rows, names, width, { label: "Validation accuracy", nice: true }, "accuracy", title),
      rows,
      columns: [
        { name: "candidate", text: "Candidate" },
        { name: "seconds", text: "Seconds", format: format.decimal },
        { name: "epochs", text: "Epochs", format: format.count },
        { name: "seed", text: "Seed", format: format.count },
        { name: "accuracy", text: "Validation accuracy", format: format.percent },
      ],
      note: "Seconds of the commands that held the contest, without the time between them.",
    };
  },
};

figures.chances = {
  title: "Probability of being the best",
  how: "Lines rise and fall as trainings end; the answer is as certain as the highest line at the right end.",
  about: (choice) => contestOf(choice).title,
  controls: contestControls,
  draw({ choice, width }) {
    const { trainings, chances: rows } = contestOf(choice);
    const names = [...new Set(trainings.map(({ candidate }) => candidate))];
    const y = { label: "Probability of being the best of those tried", domain: [0, 1], curve: "step-after" };
    const title = (d) => `${d.candidate}\nafter ${format.decimal(d.seconds)} s\n${format.percent(d.best)}`;
    return {
      chart: contestChart(rows, names, width, y, "best", title, 0.005),
      rows,
      columns: [
        { name: "candidate", text: "Candidate" },
        { name: "seconds", text: "Seconds", format: format.decimal },
        { name: "best", text: "Probability of being the best", format: format.percent },
      ],
      note: "If all were trained to the end, on validation images; estimated from learning curves and their uncertainty.",
    };
  },
};
