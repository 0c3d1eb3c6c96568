// The charts, drawn by Plotly: learning curves, metric against setting, parallel coordinates.

const MOST_DRAWN = 50;
const MOST_AXES = 8;
const MOST_TICKS = 8;
const curveNames = [...new Set(runs.flatMap((run) => Object.keys(run.curves.y)))];
const picked = { curve: firstCurve(), over: "step", smooth: 0, log: false, setting: null };

// Named one by one: among those that Plotly shows by itself is one that sends the chart away.
const BUTTONS = {
  displaylogo: false, responsive: true, showSendToCloud: false, plotlyServerURL: "",
  modeBarButtons: [["toImage", "zoom2d", "pan2d", "select2d", "resetScale2d"]],
};

// Plotly reads a little HTML in what it writes.
const textOf = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const cssColor = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();
const isWide = (values, times) => values.length > 1 && values.every((value) => value > 0) && Math.max(...values) / Math.min(...values) >= times;

function draw(id, traces, layout, orientation = "h") {
  const ink = { color: cssColor("--text"), gridcolor: cssColor("--grid"), linecolor: cssColor("--line"), zeroline: false, automargin: true };
  const place = document.querySelector(`#${id} .plot`);
  const first = !place.data;
  Plotly.react(place, traces, {
    margin: { l: 56, r: 12, t: 12, b: 44 }, modebar: { orientation, bgcolor: "rgba(0,0,0,0)", color: cssColor("--line"), activecolor: cssColor("--accent") }, showlegend: false, selections: [], hovermode: "closest", hoverdistance: 30, dragmode: "zoom",
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: cssColor("--soft") },
    hoverlabel: { bgcolor: cssColor("--card"), bordercolor: cssColor("--line"), align: "left", font: { color: cssColor("--text") } },
    ...layout, xaxis: { ...ink, ...layout.xaxis }, yaxis: { ...ink, ...layout.yaxis },
  }, BUTTONS);
  if (first) {
    place.on("plotly_hover", ({ points }) => focus(runAt(points[0])));
    place.on("plotly_unhover", () => focus(null));
    place.on("plotly_click", ({ points }) => openDetails(runAt(points[0])));
    // Drawing what was chosen takes the box away, which is told as a choice of nothing.
    place.on("plotly_selected", (event) => event?.points.length && choose(event.points.map(runAt)));
  }
}

function nothing(id, why) {
  document.querySelector(`#${id} .plot`).classList.add("none");
  say(`#${id} .said`, [why]);
}

const runAt = (point) => runs[point.customdata];

function told(run, ...rows) {
  const lines = [...rows, ...shownSettings().map((each) => [each.label, shown(each, run)]), state.metric && [state.metric.label, shown(state.metric, run)]];
  return [`<b>${textOf(run.short)}</b> ${run.status}`, ...lines.filter(Boolean).map((line) => line.map(textOf).join(" "))].join("<br>");
}

// The runs with a line of their own, the best last and so on top.
function drawnRuns() {
  const wanted = state.chosen.size ? state.visible.filter((run) => state.chosen.has(run)) : state.visible;
  return [...wanted].sort(better).slice(0, MOST_DRAWN).reverse();
}

function limited(drawn) {
  const wanted = state.chosen.size ? state.chosen.size : state.visible.length;
  return drawn.length < wanted && drawn.length === MOST_DRAWN && `the best ${MOST_DRAWN} of ${wanted} runs are drawn: choose runs in the table, or filter`;
}

// Of the run in focus, the line is found by its class.
const line = (run) => ({ uid: `run${run.index}`, type: "scatter", customdata: run.index, hoverinfo: "text" });

function firstCurve() {
  const monitored = data.metrics.filter((each) => each.monitors).map((each) => each.monitors);
  return monitored.find((name) => curveNames.includes(name)) ?? curveNames.find((name) => name.startsWith("val")) ?? curveNames[0];
}

function drawCurves() {
  if (!curveNames.length) return nothing("curves", "None of these runs logged a metric at two steps or more.");
  const drawn = drawnRuns();
  const lines = drawn.flatMap((run) => {
    const [place, values] = run.curves.y[picked.curve] ?? [];
    if (!values) return [];
    const x = run.curves.x[place][picked.over === "step" ? 0 : 1];
    let mean = null;
    const y = values.map((value) => value === null ? null : (mean = mean === null ? value : picked.smooth * mean + (1 - picked.smooth) * value));
    return [{
      ...line(run), x, y, mode: "lines", line: { color: colorOf(run), width: drawn.length > 30 ? 1.2 : 1.8 },
      customdata: x.map(() => run.index), hovertext: y.map((value, i) => told(run, [picked.over, x[i]], [picked.curve, written(value)])),
    }];
  });
  const finite = lines.flatMap(({ y }) => y.filter((value) => value !== null));
  const range = picked.log ? null : withoutOutliers(finite);
  draw("curves", lines, {
    xaxis: { title: { text: picked.over } },
    yaxis: { title: { text: textOf(picked.curve ?? "") }, type: picked.log ? "log" : "linear", ...(range ? { range } : { autorange: true }) },
  });
  const gaps = lines.filter(({ y }) => y.includes(null)).length;
  say("#curves .said", [
    !lines.length && "no run shown has a curve of this metric",
    limited(drawn),
    gaps > 0 && `${gaps} with a gap where a value is not finite`,
    range && "a few values lie outside: a double click shows all",
    data.thinned && `thinned to about ${data.thinned} points a curve, keeping first, last, smallest and largest`,
    data.without_curves > 0 && `the ${data.without_curves} oldest runs are here without their curves`,
  ]);
}

// One run that diverged must not flatten all others: the range that leaves out what is far from the middle, or null.
function withoutOutliers(values) {
  const sorted = Float64Array.from(values).sort();
  const at = (part) => sorted[Math.floor(part * (sorted.length - 1))];
  const spread = at(0.95) - at(0.05);
  const inside = sorted.filter((value) => value <= at(0.95) + 3 * spread && value >= at(0.05) - 3 * spread);
  if (!spread || inside.length === sorted.length) return null;
  const margin = 0.05 * (inside.at(-1) - inside[0]);
  return [inside[0] - margin, inside.at(-1) + margin];
}

function drawScatter() {
  const { setting } = picked;
  const { metric } = state;
  if (!setting || !metric) return nothing("scatter", setting ? "None of these runs has a metric." : "No setting differs between these runs.");
  const among = state.chosen.size ? state.visible.filter((run) => state.chosen.has(run)) : state.visible;
  // The best last, and so on top.
  const used = among.filter((run) => setting.get(run) !== undefined && Number.isFinite(metric.get(run))).sort(better).reverse();
  const best = used.at(-1);
  const wide = setting.numeric && isWide(setting.distinct, 10);
  const ticks = setting.numeric && setting.distinct.length <= MOST_TICKS
    ? { tickvals: setting.distinct, ticktext: setting.distinct.map((value) => written(value, 3)) } : {};
  draw("scatter", [{
    type: "scatter", mode: "markers", x: used.map((run) => setting.numeric ? setting.get(run) : textOf(shown(setting, run))),
    y: used.map(metric.get), customdata: used.map((run) => run.index), hoverinfo: "text", hovertext: used.map((run) => told(run)),
    marker: {
      color: used.map(colorOf), size: used.map((run) => (run === best ? 13 : used.length > 200 ? 6 : 9)), opacity: 0.9,
      symbol: used.map((run) => (run === best ? "star" : "circle")), line: { width: used.map((run) => run === best ? 1.5 : 0.5), color: cssColor("--card") },
    },
  }], {
    xaxis: setting.numeric ? { type: wide ? "log" : "linear", title: { text: textOf(setting.label) }, ...ticks }
      : { type: "category", categoryarray: setting.distinct.map((value) => textOf(nameOf(setting, value))), title: { text: textOf(setting.label) } },
    yaxis: { title: { text: textOf(metric.label) }, type: isWide(used.map(metric.get), 50) ? "log" : "linear" },
  });
  say("#scatter .said", [
    best && "the star is the best",
    among.length > used.length && `${among.length - used.length} without a finite ${metric.label} not drawn`,
  ]);
}

const nameOf = (each, value) => (each.name.endsWith("_target_") ? written(value).split(".").at(-1) : written(value));

// Where a value stands on an axis from 0 to 1, and the ticks; the same whichever runs are shown.
function axisOf(each) {
  const finite = each.distinct.filter(Number.isFinite);
  if (!each.numeric) {
    const step = 1 / Math.max(1, each.distinct.length - 1);
    const at = (value) => each.distinct.indexOf(value) * step;
    return { at, ticks: each.distinct.slice(0, 12).map((value) => [at(value), nameOf(each, value)]) };
  }
  const turn = isWide(finite, each.kind === "setting" ? 10 : 50) ? Math.log : (value) => value;
  const [low, high] = [turn(finite[0]), turn(finite.at(-1))];
  const at = (value) => (high > low ? (turn(value) - low) / (high - low) : 0.5);
  const back = turn === Math.log ? Math.exp : (value) => value;
  const few = finite.length <= MOST_TICKS && each.kind === "setting";
  const marks = few ? finite : [0, 0.25, 0.5, 0.75, 1].map((part) => back(low + part * (high - low)));
  return { at, ticks: marks.map((value) => [at(value), written(value, 3)]) };
}

function drawParallel() {
  const axes = [...shownSettings(), state.metric].filter(Boolean);
  if (axes.length < 2) return nothing("parallel", "There is no setting that differs, or no metric.");
  const scales = axes.map(axisOf);
  const drawn = drawnRuns().filter((run) => state.metric.get(run) !== undefined);
  const missing = -0.12;
  const lines = drawn.map((run) => ({
    ...line(run), x: axes.map((_, i) => i), mode: "lines+markers", marker: { size: 4, color: colorOf(run) },
    y: axes.map((each, i) => {
      const value = each.get(run);
      return value === undefined || (each.numeric && !Number.isFinite(value)) ? missing : scales[i].at(value);
    }),
    line: { color: colorOf(run), width: drawn.length > 30 ? 1.2 : 1.8 }, customdata: axes.map(() => run.index), hovertext: axes.map(() => told(run)),
    selected: { marker: { opacity: 1 } }, unselected: { marker: { opacity: 1 } },
  }));
  const gone = lines.some(({ y }) => y.includes(missing));
  const labels = scales.flatMap(({ ticks }, i) => [...ticks, ...(gone ? [[missing, "none"]] : [])].map(([y, text]) => ({
    x: i, y, text: textOf(text), showarrow: false, xanchor: "right", xshift: -6, bgcolor: cssColor("--veil"), borderpad: 1, font: { size: 11 },
  })));
  draw("parallel", lines, {
    margin: { l: 90, r: 50, t: 34, b: 12 }, dragmode: "select",
    shapes: axes.map((_, i) => ({ type: "line", x0: i, x1: i, y0: gone ? missing : 0, y1: 1, line: { color: cssColor("--soft"), width: 1 }, layer: "below" })),
    annotations: labels,
    xaxis: { side: "top", tickvals: axes.map((_, i) => i), ticktext: axes.map((each) => `<b>${textOf(each.label)}</b>`), range: [-0.02, axes.length - 0.9], showgrid: false, showline: false, fixedrange: true, tickfont: { color: cssColor("--text") } },
    yaxis: { visible: false, range: [gone ? missing - 0.06 : -0.06, 1.06], fixedrange: true },
  }, "v");
  say("#parallel .said", [
    "drag a box over an axis to choose the runs in it",
    limited(drawn),
    settings.length > MOST_AXES && `the first ${MOST_AXES} of ${settings.length} settings`,
  ]);
}
