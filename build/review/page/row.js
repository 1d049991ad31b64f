// The row on the page: fetching it, and drawing it from the state.

import { call } from "./api.js";
import { lostSpans, newDraft, setAttribute } from "./draft.js";
import { drawStanding } from "./standing.js";
import { $, commit, draftKey, drafts, firstLost, isChanged, isFiltered, keepDraft, markFiltered, problem, say, state } from "./state.js";
import { heldSelection } from "./text.js";
import { el, hues, itemList, labelField, textBox } from "./view.js";

/** The filter as the form has it. */
export function filters() {
  return { show: $("show").value, check: $("check").value, rung: $("rung").value, query: $("query").value.trim() };
}

/**
 * Fetch a row and show it; false if there is none.
 * step: 1 or -1 for the next or previous row of the filter, 0 for the row at the place itself.
 */
export async function load(step, { wrap = false, place = state.row?.place ?? -1, filter = {}, keepProblem = false } = {}) {
  const asked = { reviewer: state.reviewer, place, step, wrap, filter: { ...filters(), ...filter } };
  commit();
  const answer = await call("step", asked);
  showProgress(answer.progress);
  if (!answer.found) return false;
  commit(); // what was typed meanwhile belongs to the row that is left
  // A row that a filter chose stays so when the filter is taken away: it is no random row.
  const { check, rung, query, show } = asked.filter;
  if (step !== 0 && (check || rung || query || !["all", "undecided"].includes(show))) markFiltered(answer);
  if ($("target").contains(getSelection().anchorNode)) getSelection().removeAllRanges();
  state.row = answer;
  state.base = answer.mine?.record || answer.target;
  state.editing = null;
  const kept = sessionStorage.getItem(draftKey());
  state.draft = kept ? JSON.parse(kept).draft : newDraft(state.base, answer.roles);
  state.chosen = firstLost() || (state.draft.items.length ? { item: 0, span: 0 } : null);
  sessionStorage.setItem("place", answer.place);
  if (!keepProblem) problem("");
  draw();
  return true;
}

/** Go to the next (1) or previous (-1) row of the filter. */
export async function go(step, more = {}) {
  if (await load(step, more)) scrollTo(0, 0);
  else problem(more.filter ? "Nothing undecided is left here." : `There is no ${step > 0 ? "further" : "earlier"} row.`);
}

/** Show how far the review is. */
export function showProgress({ rows, mine, all, stale }) {
  const count = (n) => n.toLocaleString("en");
  $("bar").max = rows;
  $("bar").value = mine;
  $("progress").textContent = `${count(mine)} of ${count(rows)} by you, ${count(all)} by anyone`;
  if (stale) $("progress").textContent += `, ${count(stale)} changed since`;
}

/** The draft was changed: keep it over a reload, and show it, but not between the press of a mouse button and its release. */
export function changed() {
  keepDraft();
  if (state.pressing) state.late = true;
  else draw();
}

/** Draw the row; a field that was being used with the keyboard is used on, and a selection in the text stays. */
export function draw() {
  const { row, draft } = state;
  state.late = false;
  const selection = heldSelection($("target").querySelector(".text"));
  const field = $("target").contains(document.activeElement) && document.activeElement.getAttribute("aria-label");
  commit();
  const hue = hues(draft, row.source, row.item_labels);
  const names = [`${row.target.language}_${row.target.task}`, row.target.id, row.rung, `risk ${row.risk.toFixed(2)}`];
  $("meta").replaceChildren(
    el("span", {}, `Row ${(row.place + 1).toLocaleString("en")} of ${row.total.toLocaleString("en")}`),
    ...names.filter(Boolean).map((text) => el("bdi", {}, text)),
  );
  drawStanding();
  $("flags").replaceChildren(...row.flags.map(flagLine));
  drawSource(hue.source);
  drawTarget(hue.target);
  const edited = isChanged();
  $("accept").textContent = edited ? "Save correction" : "Accept";
  $("discard").disabled = !edited && !state.editing && !lostSpans(draft);
  selection?.($("target").querySelector(".text"));
  drawUnsaved();
  if (field && state.byKey) $("target").querySelector(`[aria-label="${CSS.escape(field)}"]`)?.focus();
}

/** Say how many rows have unsaved changes, which end with this tab. */
function drawUnsaved() {
  const count = drafts().length;
  $("unsaved").hidden = !count;
  $("unsaved").textContent = `${count} unsaved`;
}

function flagLine(flag) {
  const place = flag.start === null ? [] : [el("small", {}, `at ${flag.start}–${flag.end}`)];
  return el("li", {}, el("b", {}, flag.check), " ", el("bdi", {}, flag.detail), " ", ...place);
}

function drawSource(hue) {
  const { source } = state.row;
  $("source").hidden = !source;
  if (!source) return;
  const counterpart = (at) => {
    const found = state.draft.items.flatMap((item, index) => (item.source_item === at ? [index + 1] : []));
    return found.length ? found.join(", ") : null;
  };
  const items = source.items || [];
  $("source").replaceChildren(
    el("h2", {}, `Source (${source.language})`),
    el("div", { class: "textlabel" }, el("span", { class: "quiet" }, "Label"), el("b", { dir: "auto" }, source.label ?? "none")),
    textBox(source.text, items, hue, [], null),
    itemList(items, hue, state.row, null, null, counterpart),
  );
}

function drawTarget(hue) {
  const { row, draft } = state;
  // A field may tell its change when another row, or another draft of this one, is there already.
  const own = (work) => (...given) => state.draft === draft && work(...given);
  const setText = own((value) => {
    draft.label = value;
    changed();
  });
  const label = labelField(draft.label, row.text_labels, "Label of the text", [], setText);
  const counterpart = (at) => {
    const source = row.source ? draft.items[at].source_item : null;
    return source === null ? null : String(source + 1);
  };
  const flags = draft.text === row.target.text ? row.flags : [];
  const noLabel = draft.label === null && row.target.raw === null ? el("span", { class: "missing" }, "still missing") : null;
  const list = itemList(draft.items, hue, row, state.chosen, { choose, label: own(setLabel), attribute: own(nameAttribute), drop }, counterpart);
  const tellItems = "items still missing: select each and press w; press 0 if there is none";
  const unsaved = isChanged() ? el("span", { class: "unsaved" }, "not saved yet") : null;
  $("target").replaceChildren(
    el("h2", {}, `${row.source ? "Target" : "Record"} (${row.target.language})`, unsaved),
    el("div", { class: "textlabel" }, el("span", { class: "quiet" }, "Label"), label, noLabel),
    state.editing || textBox(draft.text, draft.items, hue, flags, state.chosen),
    draft.hasItems || row.target.raw !== null ? list : el("p", { class: "missing" }, tellItems),
  );
}

/** Choose the span that s will set. */
export function choose(item, span) {
  state.chosen = { item, span };
  draw();
  document.querySelector(`button[data-place="${item} ${span}"]`)?.focus({ preventScroll: true });
}

function setLabel(item, label) {
  if (label) state.draft.items[item].label = label;
  changed();
}

function nameAttribute(item, name, value) {
  setAttribute(state.draft, item, name, value);
  changed();
}

/** Drop an item. */
export function drop(item) {
  state.draft.items.splice(item, 1);
  state.chosen = firstLost();
  changed();
  say(`Item ${item + 1} is dropped; Escape takes all changes of this row back.`);
}
