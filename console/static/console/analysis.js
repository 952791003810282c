// Usage analysis: the chart. The table says the same without it.
(function () {
  "use strict";

  // Okabe and Ito's colours, told apart by dashes and points as well: for the colour-blind and for print.
  // The first is the widest and lies below, so that lines which coincide show as bands.
  const STYLES = [
    { colour: "#0072B2", dash: [], point: "circle", width: 5, radius: 5 },
    { colour: "#009E73", dash: [], point: "rect", width: 3, radius: 4 },
    { colour: "#D55E00", dash: [8, 4], point: "triangle", width: 2, radius: 3.5 },
    { colour: "#CC79A7", dash: [2, 3], point: "rectRot", width: 1.5, radius: 3 },
  ];
  const BEFORE = { colour: "#7f7f7f", dash: [3, 5], point: "cross", width: 1.5, radius: 3 };

  function dataset(series, style, dense) {
    return {
      label: series.label,
      data: series.data,
      borderColor: style.colour,
      backgroundColor: style.colour,
      borderDash: style.dash,
      pointStyle: style.point,
      pointRadius: dense ? 0 : style.radius,
      borderWidth: dense ? style.width / 2 : style.width,
      order: style.width, // the greatest is drawn first
    };
  }

  function datasets(given, kind) {
    const dense = given.labels.length > 100;
    const before = kind === "quantity" ? given.before : [];
    return [
      ...given[kind].map((series, index) => dataset(series, STYLES[kind === "rate" ? index + 1 : index], dense)),
      ...before.map((series) => dataset(series, BEFORE, dense)),
    ];
  }

  // The legend's symbols without the lines' width around them, which would reach into the words.
  function thinLabels(chart) {
    const labels = window.Chart.defaults.plugins.legend.labels.generateLabels(chart);
    return labels.map((label) => ({ ...label, lineWidth: 1 }));
  }

  function addChart(canvas) {
    const given = JSON.parse(document.getElementById("chart-data").textContent);
    const dark = document.documentElement.classList.contains("dark");
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const lines = dark ? "rgba(255,255,255,.12)" : "rgba(0,0,0,.08)";
    window.Chart.defaults.color = dark ? "#d1d5db" : "#374151";
    const chart = new window.Chart(canvas, {
      type: "line",
      data: { labels: given.labels, datasets: datasets(given, "quantity") },
      options: {
        animation: !still,
        maintainAspectRatio: false,
        interaction: { mode: "index", intersect: false },
        plugins: { legend: { position: "bottom", reverse: true, labels: { usePointStyle: true, generateLabels: thinLabels } } },
        scales: {
          x: { grid: { color: lines }, ticks: { maxRotation: 0, autoSkipPadding: 16 } },
          y: { grid: { color: lines }, beginAtZero: true },
        },
      },
    });
    const kinds = document.querySelectorAll("[data-chart-kind] button");
    kinds.forEach(function (button) {
      button.addEventListener("click", function () {
        kinds.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
        chart.data.datasets = datasets(given, button.value);
        chart.options.scales.y.max = button.value === "rate" ? 100 : undefined;
        chart.update();
      });
    });
    window.addEventListener("beforeprint", () => chart.resize(680, 300));
    window.addEventListener("afterprint", () => chart.resize());
  }

  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll("[data-chart]").forEach(addChart);
  });
})();
