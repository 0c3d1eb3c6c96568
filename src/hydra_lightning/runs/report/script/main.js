// What is chosen, and everything drawn from it.

const KINDS = [
  ["#0072b2", "#56b4e9"], ["#d98200", "#e69f00"], ["#00896a", "#2fc79c"], ["#b8588f", "#e39ac4"], ["#c8451b", "#f2763a"],
  ["#5b57c2", "#9f9bff"], ["#7a6a00", "#e6da45"], ["#4a9ab8", "#8fd3ea"], ["#6b7380", "#b8bfca"], ["#7b3f00", "#c99a6b"],
];
const RAMP = ["#440154", "#482777", "#3f4a8a", "#31678e", "#26838f", "#1f9d8a", "#6cce5a", "#b6de2b", "#fee825"];
const dark = matchMedia("(prefers-color-scheme: dark)");
const byId = (id) => document.getElementById(id);
const state = { matches: () => true, visible: runs, chosen: new Set(), metric: null, lower: true, color: null };
let colorOf = () => KINDS[0][0];

function better(a, b) {
  const [one, other] = [a, b].map((run) => state.metric?.get(run));
  const [none, nor] = [one, other].map((value) => !Number.isFinite(value));
  return none || nor ? none - nor || a.index - b.index : (state.lower ? one - other : other - one) || a.index - b.index;
}

function bestRun(among = state.visible) {
  return among.filter((run) => Number.isFinite(state.metric?.get(run))).sort(better)[0];
}

// Those that explain the metric most come first.
function shownSettings() {
  const ranked = (data.importance[state.metric?.name]?.settings ?? []).map(({ name }) => settings.find((each) => each.name === name));
  return [...new Set([...ranked, ...settings])].slice(0, MOST_AXES);
}

// A colour for each run by the chosen column: of a few values one each, of many numbers a ramp.
function coloring() {
  const each = state.color;
  const theme = dark.matches ? 1 : 0;
  const none = KINDS[8][theme];
  const { distinct } = each;
  if (each.numeric && distinct.length > 2) {
    const finite = distinct.filter(Number.isFinite);
    const { at } = axisOf(each);
    // Ends that are hard to see, yellow on white and violet on black, are left out.
    const mixed = (part) => ramp(theme ? 0.3 + 0.7 * part : 0.03 + 0.8 * part);
    const colors = [0, 0.25, 0.5, 0.75, 1].map(mixed);
    legend(written(finite[0], 3), h("i", { class: "swatch wide", style: { background: `linear-gradient(90deg, ${colors})` } }), written(finite.at(-1), 3));
    return (run) => (Number.isFinite(each.get(run)) ? mixed(at(each.get(run))) : none);
  }
  const colors = new Map(distinct.map((value, i) => [value, KINDS[i % KINDS.length][theme]]));
  legend(...distinct.slice(0, distinct.length > KINDS.length ? 0 : undefined).map((value) => h("span", {},
    h("i", { class: "swatch", style: { background: colors.get(value) } }),
    each === field.id ? runs.find((run) => run.id === value).short : nameOf(each, value))));
  return (run) => colors.get(each.get(run)) ?? none;
}

function ramp(part) {
  const at = Math.min(part * (RAMP.length - 1), RAMP.length - 1.001);
  const [from, to] = [RAMP[Math.floor(at)], RAMP[Math.floor(at) + 1]].map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  return `rgb(${from.map((value, i) => Math.round(value + (to[i] - value) * (at % 1))).join(",")})`;
}

const legend = (...parts) => byId("legend").replaceChildren(h("b", {}, state.color.label), ...parts);

function say(place, parts) {
  document.querySelector(place).textContent = parts.filter(Boolean).join(" · ");
}

function choose(some) {
  state.chosen = new Set(some);
  update();
}

function update() {
  state.visible = runs.filter(state.matches);
  colorOf = coloring();
  drawTable();
  drawCurves();
  drawScatter();
  drawParallel();
  drawImportance();
}

let focused = [];
function focus(run) {
  focused.forEach((element) => element.classList.remove("focus"));
  focused = run ? [...document.querySelectorAll(`tr[data-run="${CSS.escape(run.id)}"], .tracerun${run.index}`)] : [];
  focused.forEach((element) => element.classList.add("focus"));
}

function drawImportance() {
  const found = data.importance[state.metric?.name];
  const rows = found?.settings ?? [];
  byId("bars").replaceChildren(...rows.slice(0, 12).flatMap(({ name, share, chance }) => {
    const each = settings.find((one) => one.name === name);
    const percent = `${Math.round(100 * share)} %`;
    return [h("span", { class: "label", title: name }, each.label),
      h("span", { class: share > chance ? "bar" : "bar faint", "data-setting": name },
        h("b", { style: { width: `${100 * share}%` } }), h("i", { style: { left: `${100 * Math.min(1, chance)}%` } })),
      h("span", { class: "soft" }, share > chance ? percent : `${percent}, may be chance`)];
  }));
  byId("importance-said").textContent = found?.text ?? "There is no metric.";
}

function definitions(pairs) {
  return h("dl", {}, ...pairs.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function openDetails(run) {
  const known = (some) => some.filter((each) => each.get(run) !== undefined).map((each) => [each.name, shown(each, run)]);
  const environment = data.environment.filter(({ of }) => of[run.index] !== null).map(({ name, values, of }) => [name, values[of[run.index]]]);
  byId("details").replaceChildren(
    h("form", { method: "dialog" }, h("h2", { class: "mono" }, run.id), h("button", {}, "Close")),
    definitions([...known(Object.values(field).slice(1)), ["attempts", run.attempts], ["best epoch", run.best?.epoch ?? "–"], ["folder", run.folder]]),
    h("h3", {}, "Command"), h("pre", {}, run.command ?? "–"),
    ...(run.error ? [h("h3", {}, run.error.type), h("pre", {}, run.error.message)] : []),
    h("h3", {}, "Metrics"), definitions(known(metrics)),
    h("h3", {}, "Settings that differ"), definitions(known(settings)),
    h("h3", {}, "Environment"), definitions(environment));
  byId("details").showModal();
}

function fill(id, items, chosen, onchange) {
  byId(id).append(...items.map((each) => h("option", {}, each.label ?? each)));
  byId(id).selectedIndex = Math.max(0, items.indexOf(chosen));
  byId(id).disabled = items.length === 0;
  byId(id).addEventListener("change", () => { onchange(items[byId(id).selectedIndex]); update(); });
}

function listen() {
  const setMetric = (each) => {
    Object.assign(state, { metric: each, lower: each?.lower ?? true });
    byId("better").textContent = state.lower ? "↓ lower is better" : "↑ higher is better";
  };
  const reach = (each) => runs.filter((run) => Number.isFinite(each.get(run))).length;
  const most = Math.max(0, ...metrics.map(reach));
  setMetric(metrics.find((each) => reach(each) >= 0.8 * most));
  if (state.metric) sortBy(state.metric);
  picked.setting = shownSettings()[0];
  state.color = runs.length > KINDS.length && picked.setting ? picked.setting : field.id;
  fill("metric", metrics, state.metric, setMetric);
  fill("color", [field.id, field.status, ...settings, ...metrics], state.color, (each) => { state.color = each; });
  fill("curve", curveNames, picked.curve, (name) => { picked.curve = name; });
  fill("setting", settings, picked.setting, (each) => { picked.setting = each; });
  byId("better").addEventListener("click", () => {
    state.lower = !state.lower;
    byId("better").textContent = state.lower ? "↓ lower is better" : "↑ higher is better";
    update();
  });
  byId("over").addEventListener("change", ({ target }) => { picked.over = target.value; drawCurves(); });
  byId("log").addEventListener("change", ({ target }) => { picked.log = target.checked; drawCurves(); });
  byId("smooth").addEventListener("input", ({ target }) => { picked.smooth = Number(target.value); drawCurves(); });
  byId("none").addEventListener("click", () => choose([]));
  let typing;
  byId("filter").addEventListener("input", ({ target }) => {
    byId("wrong").textContent = "";
    try {
      state.matches = parsed(target.value);
    } catch (error) {
      byId("wrong").textContent = error.message;
      return;
    }
    clearTimeout(typing);
    // Many runs are drawn when the typing has come to rest.
    if (runs.length < 200) update();
    else typing = setTimeout(update, 200);
  });
  byId("columns").append(...tableColumns.slice(1).map((each) => h("label", { title: each.name }, h("input", {
    type: "checkbox", checked: !hidden.has(each), onchange: () => { if (!hidden.delete(each)) hidden.add(each); drawTable(); },
  }), each.label)));
  dark.addEventListener("change", update);
}

listen();
byId("problems").hidden = data.problems.length === 0;
byId("problems").append(h("ul", {}, ...data.problems.map((text) => h("li", {}, text))));
byId("environment").append(...data.environment.map(({ name, values, of }) => {
  const counted = values.map((value, i) => h("span", { class: "mono" }, value, values.length > 1 && ` × ${of.filter((place) => place === i).length}`));
  return h("div", { class: values.length > 1 && "several" }, h("span", { class: "soft" }, name), ...counted);
}));
update();
document.body.dataset.drawn = String(Math.round(performance.now()));
