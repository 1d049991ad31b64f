// The start of the page, and what keys, buttons and the mouse do.

import { call } from "./api.js";
import { accept, reject, takeOver, undo } from "./decide.js";
import { openHelp, openWho } from "./dialogs.js";
import { addHere, byNudge, discard, editText, focusLabel, leave, nextSpan, noItems, setSpan } from "./edit.js";
import { choose, draw, drop, filters, go, load, showProgress } from "./row.js";
import { $, afterwards, commit, drafts, once, problem, state } from "./state.js";
import { el, highlight } from "./view.js";

/** Key, name (as in data-run), what the help says of it (nothing: said at its neighbour), and what it does. */
const KEYS = [
  ["a", "accept", "accept the row, or save your correction of it", accept],
  ["r", "reject", "reject the row, with a reason", () => reject()],
  ["u", "undo", "take back the decision about this row, or your last one", undo],
  ["n", "undecided", "next row that you have not decided", () => go(1, { wrap: true, filter: { show: "undecided" } })],
  ["j", "next", "next row of the filter", () => go(1)],
  ["k", "previous", "previous row of the filter", () => go(-1)],
  ["e", "edit", "edit the text; Ctrl+Enter when done", editText],
  ["i", "item", "choose the next span; I the one before", () => nextSpan(1)],
  ["I", "itemBack", "", () => nextSpan(-1)],
  ["s", "span", "put the chosen span where the text is selected", setSpan],
  ["[", "left", "move the chosen span's beginning left; { moves it right", byNudge(-1, 0)],
  ["{", "leftIn", "", byNudge(1, 0)],
  ["]", "right", "move the chosen span's end right; } moves it left", byNudge(0, 1)],
  ["}", "rightIn", "", byNudge(0, -1)],
  ["w", "add", "add an item where the text is selected", addHere],
  ["x", "dropItem", "drop the chosen item", () => state.chosen && drop(state.chosen.item)],
  ["0", "noItems", "say that a row without items yet has none", noItems],
  ["l", "labelItem", "change the label of the chosen item; Enter when done", () => state.chosen && focusLabel(state.chosen.item)],
  ["t", "labelText", "change the label of the text; Enter when done", () => document.querySelector("#target .textlabel .label").focus()],
  ["Escape", "discard", "throw the unsaved changes of this row away", discard],
  ["/", "search", "search", () => $("query").focus()],
  ["?", "help", "these keys", () => openHelp(KEYS)],
];

const LEAVING = ["undo", "undecided", "next", "previous"];
const SELECTING = ["span", "add"]; // a press on their button must leave the selection as it is

function run(name) {
  const work = KEYS.find((key) => key[1] === name)[3];
  commit();
  if (state.row || name === "help") once(async () => (LEAVING.includes(name) && (await leave()), work()), again);
}

/** Show the row as it is now, after a rebuild. */
function again() {
  return load(0, { keepProblem: true });
}

/** The mouse button is up, and the click that belongs to it is over. */
function release() {
  state.pressing = false;
  if (state.late) draw();
}

function onKey(event) {
  state.byKey = true;
  release();
  // Code 229: a key that an input method has taken, in browsers that do not say isComposing.
  if (event.isComposing || event.keyCode === 229 || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) {
    const leaves = event.key === "Escape" || (event.key === "Enter" && !event.target.matches("textarea"));
    if (leaves) event.target.blur();
    return;
  }
  // AltGr, with which some keyboards write brackets, reads as Ctrl and Alt together.
  const modified = event.metaKey || ((event.ctrlKey || event.altKey) && !event.getModifierState("AltGraph"));
  const key = KEYS.find(([letter]) => letter === event.key);
  if (!key || modified || event.repeat) return;
  event.preventDefault();
  run(key[1]);
}

function wire() {
  document.addEventListener("keydown", onKey);
  const press = (event) => {
    state.byKey = false;
    state.pressing = !event.target.closest("select"); // of a list that opens, the release may never be told
  };
  document.addEventListener("pointerdown", press, true);
  for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => setTimeout(release), true);
  for (const button of document.querySelectorAll("[data-run]")) {
    if (SELECTING.includes(button.dataset.run)) button.addEventListener("mousedown", (event) => event.preventDefault());
    button.addEventListener("click", () => run(button.dataset.run));
  }
  $("who-button").addEventListener("click", () =>
    once(async () => {
      await leave();
      const before = state.reviewer;
      state.reviewer = await openWho(before);
      if (state.reviewer !== before) ["place", "made"].forEach((name) => sessionStorage.removeItem(name)); // the other's
      await begin();
    }),
  );
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("filters").addEventListener("change", (event) => {
    // Else the next key would choose from the list. Who chose with the keyboard goes on choosing; Enter leaves the list.
    if (!state.byKey) event.target.blur();
    afterwards(applyFilter);
  });
  $("unsaved").addEventListener("click", () => once(nextUnsaved, again));
  $("standing").addEventListener("click", (event) => {
    const [list, at] = event.target.closest("[data-use]")?.dataset.use.split(" ") ?? [];
    commit();
    if (list) once(() => takeOver(list, Number(at)), again);
  });
  for (const side of ["source", "target"]) {
    for (const kind of ["mouseover", "focusin", "mouseout", "focusout"]) {
      $(side).addEventListener(kind, (event) => point(side, event));
    }
  }
  $("target").addEventListener("click", (event) => {
    const place = event.target.closest(".seg.entity")?.dataset.place;
    if (place && getSelection().isCollapsed) choose(...place.split(" ").map(Number));
  });
  addEventListener("beforeunload", (event) => {
    commit();
    if (state.editing || drafts(true).length) event.preventDefault(); // a reload keeps drafts, the end of the tab does not
  });
}

/** Show what belongs together when an item of either side is pointed at. */
function point(side, event) {
  const found = event.type.endsWith("out") ? null : event.target.closest("[data-items]");
  const links = state.draft.items.flatMap((item, at) => (item.source_item === null ? [] : [[at, item.source_item]]));
  highlight({ source: $("source"), target: $("target") }, links, side, found ? found.dataset.items.split(" ").map(Number) : []);
}

async function applyFilter() {
  await leave();
  sessionStorage.setItem("filters", JSON.stringify(filters()));
  const rows = await countRows();
  if (rows) await load(1, { wrap: true, place: (state.row?.place ?? 0) - 1 });
  else problem("No row passes this filter.");
  showCount(rows);
}

async function countRows() {
  return (await call("count", { reviewer: state.reviewer, filter: filters() })).rows;
}

function isFilterSet() {
  return Object.values(filters()).some((value) => value && value !== "all");
}

/** Show how many rows pass the filter, if one is set. */
function showCount(rows) {
  $("count").textContent = isFilterSet() ? `${rows.toLocaleString("en")} row${rows === 1 ? "" : "s"}` : "";
}

/** Put the filter of before a reload into the form; what the file no longer has is no filter. */
function restoreFilters() {
  const kept = JSON.parse(sessionStorage.getItem("filters") || "{}");
  for (const [name, value] of Object.entries(kept)) {
    const field = $(name);
    field.value = value;
    if (field.matches("select") && field.selectedIndex < 0) field.selectedIndex = 0;
  }
}

/** Go to the next row with unsaved changes. */
async function nextUnsaved() {
  await leave();
  const places = drafts().map(([, { place }]) => place).sort((a, b) => a - b);
  const place = places.find((one) => one > state.row.place) ?? places[0];
  if (place !== undefined) await load(0, { place });
}

async function begin() {
  state.overview = await call("overview", { reviewer: state.reviewer });
  state.reviewer = state.overview.reviewer;
  const { file, checks, rungs, progress } = state.overview;
  sessionStorage.setItem("reviewer", state.reviewer);
  $("who-button").textContent = state.reviewer;
  $("file").textContent = file;
  document.title = `Review ${file}`;
  for (const [id, counts] of Object.entries({ check: checks, rung: rungs })) {
    const options = Object.entries(counts).map(([name, n]) => el("option", { value: name }, `${name} (${n.toLocaleString("en")})`));
    $(id).replaceChildren($(id).options[0], ...options);
  }
  restoreFilters();
  showProgress(progress);
  const place = sessionStorage.getItem("place");
  if (place !== null) await load(0, { place: Number(place) });
  else if (!(await load(1, { wrap: true, place: -1, filter: { show: "undecided" } }))) await load(0, { place: 0 });
  if (isFilterSet()) showCount(await countRows());
}

wire();
once(async () => {
  const { reviewer } = await call("hello");
  state.reviewer = sessionStorage.getItem("reviewer") || reviewer || (await openWho(""));
  await begin();
});
