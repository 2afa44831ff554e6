// Draws the figures in the page's own text colour, and draws them again when the page is printed or turns dark.
(() => {
  "use strict";
  const PAPER = 660; // pixels between the margins of a printed A4 page
  const plots = [...document.querySelectorAll(".plot")];
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const ink = (printed) => (dark.matches && !printed ? "#e6ebf0" : "#1b2733");
  for (const plot of plots) {
    const { data, layout } = JSON.parse(document.getElementById(plot.id + "-data").textContent);
    layout.font = Object.assign({}, layout.font, { color: ink(false) });
    Plotly.newPlot(plot, data, layout, { responsive: true, displaylogo: false });
  }
  const redraw = (printed) => {
    for (const plot of plots) {
      const size = printed ? { width: PAPER, autosize: false } : { width: null, autosize: true };
      Plotly.relayout(plot, Object.assign({ "font.color": ink(printed) }, size));
    }
  };
  const folded = [...document.querySelectorAll("details")];
  const open = new Map();
  window.addEventListener("beforeprint", () => {
    for (const one of folded) {
      open.set(one, one.open);
      one.open = true;
    }
    redraw(true);
  });
  window.addEventListener("afterprint", () => {
    for (const one of folded) one.open = open.get(one);
    redraw(false);
  });
  dark.addEventListener("change", () => redraw(false));
  document.documentElement.dataset.drawn = String(plots.length);
})();
