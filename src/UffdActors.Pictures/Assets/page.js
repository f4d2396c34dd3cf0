"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const charts = [];

  // "@name" is the color of that name, as the style sheet has it now.
  const colored = (value, style) => {
    if (typeof value === "string") return value.startsWith("@") ? style.getPropertyValue("--" + value.slice(1)).trim() : value;
    if (Array.isArray(value)) return typeof value.at(-1) === "number" ? value : value.map(v => colored(v, style));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, colored(v, style)]));
  };

  const layoutOf = (layout, style, width) => {
    const color = name => style.getPropertyValue("--" + name).trim();
    const axis = {
      gridcolor: color("grid"), linecolor: color("line"), zerolinecolor: color("line"), automargin: true, ticks: "outside",
      tickcolor: color("line"), fixedrange: false,
    };
    const narrow = width < 520;
    return {
      autosize: true, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", dragmode: "zoom",
      font: { family: "system-ui, sans-serif", size: narrow ? 11 : 13, color: color("text") },
      margin: { l: narrow ? 48 : 64, r: 12, t: 12, b: 44 },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
      hoverlabel: { bgcolor: color("background"), bordercolor: color("line"), font: { color: color("text") } },
      ...layout,
      xaxis: { ...axis, ...layout.xaxis }, yaxis: { ...axis, ...layout.yaxis },
    };
  };

  const draw = chart => {
    const style = getComputedStyle(document.documentElement);
    const figure = colored(chart.figure, style);
    const layout = layoutOf(figure.layout, style, chart.plot.clientWidth);
    const config = { responsive: true, displaylogo: false, displayModeBar: false };
    return Plotly.react(chart.plot, figure.data, layout, config).then(() => {
      // What the role says already is not said again by the parts of the drawing.
      for (const svg of chart.plot.querySelectorAll("svg")) svg.setAttribute("aria-hidden", "true");
    });
  };

  const move = (chart, by, zoom) => {
    const axis = chart.plot._fullLayout.xaxis;
    const [from, to] = axis.range;
    const width = to - from;
    const middle = (from + to) / 2 + by * width;
    return Plotly.relayout(chart.plot, { "xaxis.range": [middle - width * zoom / 2, middle + width * zoom / 2] });
  };

  const onKey = (chart, event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const does = {
      ArrowLeft: () => move(chart, -0.2, 1), ArrowRight: () => move(chart, 0.2, 1),
      "+": () => move(chart, 0, 0.5), "=": () => move(chart, 0, 0.5),
      "-": () => move(chart, 0, 2), 0: () => draw(chart), Escape: () => draw(chart),
    }[event.key];
    if (!does) return;
    event.preventDefault();
    does();
  };

  for (const plot of document.querySelectorAll(".plot")) {
    const figure = JSON.parse(plot.closest("figure").querySelector("script[type='application/json']").textContent);
    const chart = { plot, figure };
    charts.push(chart);
    plot.textContent = "";
    plot.addEventListener("keydown", event => onKey(chart, event));
    draw(chart);
  }

  dark.addEventListener("change", () => charts.forEach(draw));
  addEventListener("beforeprint", () => { for (const details of document.querySelectorAll("details")) details.open = true; });
})();
