// The table of runs: sorted by a click on a heading, a run chosen by its box, opened by a click on its row.

// So many more whenever the end of the table is reached.
const ROWS = 200;
let rowsShown = ROWS;
const MOST_SETTINGS = 8;
const MOST_METRICS = 4;
const sorting = { by: field.created, down: true };
const tableColumns = [
  ...[field.id, field.status],
  ...[field.task, field.experiment, field.tags, field.note].filter((each) => each.distinct.length > 1 || (each.distinct.length && each.filled < runs.length)),
  ...metrics, ...settings, field.seconds, field.created,
];
const hidden = new Set([...settings.slice(MOST_SETTINGS), ...metrics.slice(MOST_METRICS)]);

function sortedRuns() {
  return [...state.visible].sort((a, b) => {
    const [one, other] = [a, b].map(sorting.by.get);
    // What is missing or no number stays below, whichever way.
    const [none, nor] = [one, other].map((value) => value === undefined || value === null || Number.isNaN(value));
    return none || nor ? none - nor : (sorting.down ? -1 : 1) * order(one, other) || a.index - b.index;
  });
}

document.querySelector("#runs .scroll").addEventListener("scroll", ({ target }) => {
  if (rowsShown >= state.visible.length || target.scrollTop + 3 * target.clientHeight < target.scrollHeight) return;
  rowsShown += ROWS;
  drawTable();
});

// Rows are kept as long as they look the same.
let kept = { look: null, rows: new Map() };

function drawTable() {
  const used = tableColumns.filter((each) => !hidden.has(each));
  const look = [...used.map((each) => each.name), state.color.name, dark.matches].join();
  if (kept.look !== look) kept = { look, rows: new Map() };
  const sorted = sortedRuns();
  const rows = sorted.slice(0, rowsShown).map((run) => {
    if (!kept.rows.has(run)) kept.rows.set(run, row(run, used));
    const element = kept.rows.get(run);
    element.querySelector("input").checked = state.chosen.has(run);
    return element;
  });
  const all = h("input", { type: "checkbox", "aria-label": "Choose all runs shown", onchange: () => choose(all.checked ? state.visible : []) });
  all.checked = sorted.length > 0 && sorted.every((run) => state.chosen.has(run));
  const headings = used.map((each) => h("th", {
    class: kindOf(each), title: [each.name, ...(each.same ?? [])].join(", "),
    "aria-sort": sorting.by === each && (sorting.down ? "descending" : "ascending"),
  }, h("button", { type: "button", onclick: () => { sortBy(each); drawTable(); } }, each.label)));
  document.querySelector("#runs thead").replaceChildren(h("tr", {}, h("th", { class: "box" }, all), ...headings));
  const body = document.querySelector("#runs tbody");
  if (rows.length !== body.children.length || rows.some((each, i) => each !== body.children[i])) body.replaceChildren(...rows);
  document.querySelector("td.best")?.classList.remove("best");
  // One more for the box.
  kept.rows.get(bestRun())?.children[1 + used.indexOf(state.metric)]?.classList.add("best");
  say("#runs .said", [
    state.visible.length < runs.length ? `${state.visible.length} of ${runs.length} runs` : `${runs.length} runs`,
    state.chosen.size > 0 && `${state.chosen.size} chosen`,
    sorted.length === 0 && "no run matches the filter",
  ]);
  byId("none").hidden = state.chosen.size === 0;
}

function sortBy(each) {
  sorting.down = sorting.by === each ? !sorting.down : each === state.metric && !state.lower;
  sorting.by = each;
}

const kindOf = (each) => `${each.numeric || each === field.created ? "number" : ""} ${each.kind}`;

function row(run, used) {
  const box = h("input", { type: "checkbox", "aria-label": `Choose ${run.short}`, onchange: () => {
    if (box.checked) state.chosen.add(run);
    else state.chosen.delete(run);
    update();
  } });
  return h("tr", { "data-run": run.id, onmouseenter: () => focus(run), onmouseleave: () => focus(null) },
    h("td", { class: "box" }, box),
    ...used.map((each) => h("td", { class: kindOf(each), title: written(each.get(run), 17), onclick: () => openDetails(run) }, cell(each, run))));
}

function cell(each, run) {
  if (each === field.id) {
    return h("button", { type: "button", class: "mono", title: run.id }, h("i", { class: "swatch", style: { background: colorOf(run) } }), run.short);
  }
  if (each === field.status) return h("span", { class: `status ${run.status}`, title: run.error?.message }, run.status);
  if (each === field.tags) return h("span", {}, ...run.tags.map((tag) => h("span", { class: "tag" }, tag)));
  return shown(each, run);
}
