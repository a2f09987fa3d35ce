"use strict";
const palette = ["#2f7fb5", "#d1495b", "#2a9d5c", "#8d5fd3", "#d98e04", "#7a8794", "#12a5b8", "#b2556e"];
const drawn = [];

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// The lower and the upper edge of a curve's band, filled in between.
function bandOf(curve, stroke) {
  const edge = (side) => ({
    isBand: true, data: curve.points.map(([x], k) => ({ x, y: curve.band[k][side] })), borderWidth: 0, pointRadius: 0,
    pointHitRadius: 0, backgroundColor: stroke + "2e", fill: side === 1 ? "-1" : false, order: 2,
  });
  return [edge(0), edge(1)];
}

function lineChart(chart) {
  const many = chart.curves.length > 1;
  return {
    type: "line",
    data: {
      datasets: chart.curves.flatMap((curve, i) => {
        const emphasised = many && curve.name === "all";
        const stroke = emphasised ? colour("--text") : palette[i % palette.length];
        const line = {
          label: curve.name, data: curve.points.map(([x, y]) => ({ x, y })), borderColor: stroke,
          backgroundColor: stroke, borderWidth: emphasised ? 2.6 : 1.6, pointHitRadius: 8,
          pointRadius: curve.points.length > 30 ? 0 : 2, order: emphasised ? 0 : 1,
        };
        return curve.band ? [...bandOf(curve, stroke), line] : [line];
      }),
    },
    options: {
      parsing: false,
      interaction: { mode: "nearest", axis: "x", intersect: false },
      plugins: {
        legend: {
          display: many, position: "bottom",
          labels: { boxWidth: 12, boxHeight: 2, filter: (item, data) => !data.datasets[item.datasetIndex].isBand },
        },
        tooltip: { filter: (item) => !item.dataset.isBand },
      },
      scales: {
        x: { type: chart.x_logarithmic ? "logarithmic" : "linear", title: { display: true, text: chart.x_label } },
        y: { type: chart.logarithmic ? "logarithmic" : "linear", title: { display: true, text: chart.label } },
      },
    },
  };
}

function barChart(chart) {
  const line = {
    type: "line", label: chart.line_name, data: chart.groups.map(() => chart.line), borderColor: colour("--text"),
    backgroundColor: "transparent", borderWidth: 1.5, borderDash: [5, 4], pointRadius: 0, order: 0,
  };
  return {
    type: "bar",
    data: {
      labels: chart.groups,
      datasets: [...chart.bars.map((bar, i) => ({
        label: bar.name, data: bar.values, backgroundColor: palette[i % palette.length], borderRadius: 4, order: 1,
        maxBarThickness: 34,
      })), ...(chart.line_name ? [line] : [])],
    },
    options: {
      plugins: { legend: { display: chart.bars.length > 1 || chart.line_name !== "", position: "bottom", labels: { boxWidth: 12 } } },
      scales: {
        x: { grid: { display: false } },
        y: { min: 0, max: chart.most, title: { display: true, text: chart.label } },
      },
    },
  };
}

// Writes each bar's number behind it.
const numbers = {
  id: "numbers",
  afterDatasetsDraw(chart) {
    const context = chart.ctx;
    context.save();
    context.font = `12px ${Chart.defaults.font.family}`;
    context.fillStyle = colour("--text");
    context.textBaseline = "middle";
    chart.data.datasets.forEach((dataset, i) => {
      if (chart.isDatasetVisible(i)) {
        chart.getDatasetMeta(i).data.forEach((bar, k) => {
          const count = dataset.data[k] ?? 0;
          const start = count > 0 ? bar.x : chart.chartArea.left;
          context.fillText(count.toLocaleString("en"), start + 5, bar.y);
        });
      }
    });
    context.restore();
  },
};

// Told apart by everyone, side by side.
const threeColours = [palette[0], palette[4], palette[5]];

function countChart(chart) {
  return {
    type: "bar",
    data: {
      labels: chart.groups,
      datasets: chart.counts.map((bar, i) => ({
        label: bar.name, data: bar.values.map((value) => value > 0 ? value : null),
        backgroundColor: (chart.counts.length > 3 ? palette : threeColours)[i % palette.length], borderRadius: 3, maxBarThickness: 16, minBarLength: 2,
        categoryPercentage: 0.8, barPercentage: 0.95,
      })),
    },
    options: {
      indexAxis: "y",
      layout: { padding: { right: 70 } },
      plugins: { legend: { position: "bottom", labels: { boxWidth: 12 } } },
      scales: {
        x: {
          type: "logarithmic", min: 0.7, title: { display: true, text: `${chart.label}, logarithmic` },
          ticks: { callback: (value) => Number.isInteger(Math.log10(value)) ? value.toLocaleString("en") : null },
        },
        y: { grid: { display: false }, ticks: { autoSkip: false } },
      },
    },
    plugins: [numbers],
  };
}

function draw() {
  drawn.splice(0).forEach((chart) => chart.destroy());
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.color = colour("--soft");
  Chart.defaults.borderColor = colour("--line");
  Chart.defaults.animation = false;
  Chart.defaults.maintainAspectRatio = false;
  for (const node of document.querySelectorAll("script[data-chart]")) {
    const chart = JSON.parse(node.textContent);
    const config = chart.counts ? countChart(chart) : chart.bars ? barChart(chart) : lineChart(chart);
    drawn.push(new Chart(document.getElementById(node.dataset.chart), config));
  }
}

draw();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
