// The filter: words, and comparisons such as lr<1e-3, of which all have to hold.

const SIGNS = /^([^<>=!]+)(<=|>=|!=|==?|<|>)(.*)$/;

// Throws an Error whose message says what is not understood.
function parsed(text) {
  const parts = (text.match(/(?:[^\s"]|"[^"]*")+/g) ?? []).map((part) => part.replaceAll('"', ""));
  const tests = parts.map((part) => {
    const [, key, sign, wanted] = part.match(SIGNS) ?? [];
    return key === undefined ? word(part.toLowerCase()) : comparison(named(key), sign, wanted);
  });
  return (run) => tests.every((test) => test(run));
}

function named(key) {
  const exact = columns.filter((each) => each.name === key || each.label === key || `metrics.${each.name}` === key);
  const found = exact.length ? exact : columns.filter((each) => `.${each.name}`.endsWith(`.${key}`));
  if (found.length === 1) return found[0];
  if (found.length) throw Error(`${key} means ${found.map((each) => each.name).join(" or ")}: write more of it.`);
  throw Error(`${key}: no setting that differs, no metric and no field has this name.`);
}

function comparison(each, sign, wanted) {
  const number = wanted.trim() === "" ? NaN : Number(wanted);
  if (sign === "!=" || sign[0] === "=") {
    const equals = (run) => {
      const value = each.get(run);
      if (typeof value === "number" && !Number.isNaN(number)) return value === number;
      if (each === field.tags) return run.tags.includes(wanted);
      return [shown(each, run), String(value)].some((text) => text.toLowerCase() === wanted.toLowerCase());
    };
    return (run) => equals(run) !== (sign === "!=");
  }
  const date = each === field.created;
  if (!date && Number.isNaN(number)) throw Error(`${each.label}${sign}${wanted}: ${wanted || "nothing"} is not a number.`);
  const limit = date ? wanted : number;
  const holds = {
    "<": (value) => value < limit, "<=": (value) => value <= limit,
    ">": (value) => value > limit, ">=": (value) => value >= limit,
  }[sign];
  return (run) => typeof each.get(run) === typeof limit && holds(each.get(run));
}

function word(wanted) {
  return (run) => [run.id, run.status, run.task, run.experiment, run.note, run.error?.type, run.error?.message, ...run.tags,
    ...settings.map((each) => each.get(run))].some((value) => String(value ?? "").toLowerCase().includes(wanted));
}
