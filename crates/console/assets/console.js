// The charts of the overview, and the switch that stops the updates of a page.

const INTERVAL_MS = 5000;

// The least and the most time that the charts show, in seconds.
const SHOWN = { least: 3 * 60, most: 15 * 60 };
const updates = document.getElementById("updates");
const isUpdating = () => !updates || updates.checked;

document.addEventListener("htmx:beforeRequest", (event) => {
  if (!isUpdating()) event.preventDefault();
});

const charts = document.getElementById("charts");
if (charts) showCharts(charts);

function showCharts(container) {
  const plots = [...container.querySelectorAll(".chart")].map((figure) => ({ figure, plot: null }));
  let series = null;

  const draw = () => {
    for (const chart of plots) {
      chart.plot?.destroy();
      chart.plot = newPlot(chart.figure, series);
    }
  };
  const load = async () => {
    const response = await fetch(container.dataset.series, { headers: { "HX-Request": "true" } });
    if (response.status === 401) return location.assign("/console/sign-in");
    if (!response.ok) return;
    const isFirst = series === null;
    series = await response.json();
    if (isFirst) return draw();
    for (const { figure, plot } of plots) plot.setData(columns(figure, series));
  };
  // A server that is away is asked again.
  const update = () => isUpdating() && !document.hidden && load().catch(() => {});

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => series && draw());
  new ResizeObserver(() => {
    for (const { figure, plot } of plots) plot?.setSize(size(figure));
  }).observe(container);
  update();
  setInterval(update, INTERVAL_MS);
}

const columns = (figure, series) => [series.time, ...figure.dataset.lines.split(",").map((line) => series[line])];

function size(figure) {
  const { clientWidth, clientHeight } = figure.querySelector(".plot");
  return { width: clientWidth, height: clientHeight };
}

function newPlot(figure, series) {
  const element = figure.querySelector(".plot");
  const probe = document.createElement("span");
  element.append(probe);
  // The variables use light-dark(), which the canvas does not understand.
  const color = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const { unit } = figure.dataset;
  const colors = ["--accent", "--second", "--third"].map(color);
  const font = `12px ${getComputedStyle(element).fontFamily}`;
  const axis = { stroke: color("--muted"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font };
  probe.remove();
  const names = figure.dataset.names.split(",");
  const options = {
    ...size(figure),
    legend: { show: false },
    cursor: { y: false },
    scales: { x: { range: (_, first, last) => [last - Math.min(Math.max(last - first, SHOWN.least), SHOWN.most), last] }, y: { range: (_, __, most) => [0, Math.max(most * 1.1, 1)] } },
    axes: [
      { ...axis, size: 30, space: 70, incrs: [60, 120, 180, 300], values: (_, times) => times.map(clockTime) },
      { ...axis, size: 64, values: (_, values) => values.map((value) => `${value}${unit}`) },
    ],
    series: [{}, ...names.map((label, index) => ({ label, stroke: colors[index], width: 1.5, points: { show: false } }))],
  };
  return new uPlot(options, columns(figure, series), element);
}

const clockTime = (seconds) => new Date(seconds * 1000).toTimeString().slice(0, 5);
