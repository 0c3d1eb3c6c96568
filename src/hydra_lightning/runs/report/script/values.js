// The data, its columns, and how a value is written.

const data = JSON.parse(document.getElementById("data").textContent);
const WORDS = { nan: NaN, inf: Infinity, "-inf": -Infinity };
const { runs } = data;
runs.forEach((run, index) => {
  run.index = index;
  for (const values of [run.metrics, run.settings]) {
    for (const name in values) if (Object.hasOwn(WORDS, values[name])) values[name] = WORDS[values[name]];
  }
});

function column(kind, name, label, get, more = {}) {
  const values = runs.map(get).filter((value) => value !== undefined);
  const distinct = [...new Set(values)].sort(order);
  const numeric = values.length > 0 && values.every((value) => typeof value === "number");
  return { kind, name, label, get, distinct, numeric, filled: values.length, ...more };
}

const field = Object.fromEntries([
  column("field", "id", "run", (run) => run.id),
  column("field", "status", "status", (run) => run.status),
  column("field", "task", "task", (run) => run.task ?? undefined),
  column("field", "experiment", "experiment", (run) => run.experiment ?? undefined),
  column("field", "tags", "tags", (run) => run.tags?.join(", ") || undefined),
  column("field", "note", "note", (run) => run.note || undefined),
  column("field", "seconds", "duration", (run) => run.seconds ?? undefined),
  column("field", "created", "started", (run) => run.created),
].map((each) => [each.name, each]));
const settings = data.settings.map(({ name, short, same }) =>
  column("setting", name, short, (run) => run.settings[name], { same }));
const metrics = data.metrics.map(({ name, lower }) => column("metric", name, name, (run) => run.metrics[name], { lower }));
const columns = [...Object.values(field), ...settings, ...metrics];

function order(a, b) {
  const [none, other] = [a, b].map((value) => value === undefined || value === null || Number.isNaN(value));
  if (none || other) return none - other;
  return typeof a === "number" && typeof b === "number" ? a - b
    : String(a).localeCompare(String(b), "en", { numeric: true });
}

function written(value, digits = 4) {
  if (value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size >= 1e6 || (size < 1e-3 && size > 0)) return value.toExponential(digits - 1).replace(/\.?0*e\+?/, "e");
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(digits)));
}

function duration(seconds) {
  if (seconds === undefined) return "–";
  if (seconds < 60) return `${Number(seconds.toPrecision(2))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function shown(each, run) {
  const value = each.get(run);
  if (each === field.id) return run.short;
  if (each === field.seconds) return duration(value);
  if (each === field.created) return value.slice(0, 16).replace("T", " ");
  // Of a class the end of its path tells it from others.
  return each.name.endsWith("_target_") ? written(value).split(".").at(-1) : written(value);
}

// An element; text is always text, never HTML.
function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== false));
  return element;
}
