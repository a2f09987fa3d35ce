"use strict";
const palette = ["#2f7fb5", "#d1495b", "#2a9d5c", "#8d5fd3", "#d98e04", "#7a8794", "#12a5b8", "#b2556e"];
const drawn = [];

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function lineChart(chart) {
  const many = chart.curves.length > 1;
  return {
    type: "line",
    data: {
      datasets: chart.curves.map((curve, i) => {
        const emphasised = many && curve.name === "all";
        const stroke = emphasised ? colour("--text") : palette[i % palette.length];
        return {
          label: curve.name, data: curve.points.map(([x, y]) => ({ x, y })), borderColor: stroke,
          backgroundColor: stroke, borderWidth: emphasised ? 2.6 : 1.6, pointHitRadius: 8,
          pointRadius: curve.points.length > 30 ? 0 : 2, order: emphasised ? 0 : 1,
        };
      }),
    },
    options: {
      parsing: false,
      interaction: { mode: "nearest", axis: "x", intersect: false },
      plugins: { legend: { display: many, position: "bottom", labels: { boxWidth: 12, boxHeight: 2 } } },
      scales: {
        x: { type: "linear", title: { display: true, text: "step" } },
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
      })), line],
    },
    options: {
      plugins: { legend: { position: "bottom", labels: { boxWidth: 12 } } },
      scales: {
        x: { grid: { display: false } },
        y: { min: 0, max: chart.most, title: { display: true, text: chart.label } },
      },
    },
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
    const config = chart.bars ? barChart(chart) : lineChart(chart);
    drawn.push(new Chart(document.getElementById(node.dataset.chart), config));
  }
}

draw();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
