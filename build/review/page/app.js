// The start of the page, and what keys, buttons and the mouse do.

import { call } from "./api.js";
import { accept, reject, undo } from "./decide.js";
import { openHelp, openWho } from "./dialogs.js";
import { addHere, byNudge, discard, editText, focusLabel, nextSpan, noItems, setSpan } from "./edit.js";
import { choose, drop, filters, go, load, showProgress } from "./row.js";
import { $, afterwards, once, problem, state } from "./state.js";
import { el, highlight } from "./view.js";

/** Key, name (as in data-run), what the help says of it (nothing: said at its neighbour), and what it does. */
const KEYS = [
  ["a", "accept", "accept the row, or save your correction of it", accept],
  ["r", "reject", "reject the row, with a reason", reject],
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

function run(name) {
  const work = KEYS.find((key) => key[1] === name)[3];
  if (state.row || name === "help") once(async () => work(), () => load(0, { keepProblem: true }));
}

function onKey(event) {
  state.byKey = true;
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
  document.addEventListener("pointerdown", () => {
    state.byKey = false;
  });
  for (const button of document.querySelectorAll("[data-run]")) {
    button.addEventListener("mousedown", (event) => event.preventDefault()); // the selection stays for what the button does
    button.addEventListener("click", () => run(button.dataset.run));
  }
  $("who-button").addEventListener("click", () =>
    once(async () => {
      const before = state.reviewer;
      state.reviewer = await openWho(before);
      if (state.reviewer !== before) ["place", "made"].forEach((name) => sessionStorage.removeItem(name)); // the other's
      await begin();
    }),
  );
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("filters").addEventListener("change", () => afterwards(applyFilter));
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
    if (state.editing) event.preventDefault(); // drafts are kept over a reload, a text that is being typed is not
  });
}

/** Show what belongs together when an item of either side is pointed at. */
function point(side, event) {
  const found = event.type.endsWith("out") ? null : event.target.closest("[data-items]");
  const links = state.draft.items.flatMap((item, at) => (item.source_item === null ? [] : [[at, item.source_item]]));
  highlight({ source: $("source"), target: $("target") }, links, side, found ? found.dataset.items.split(" ").map(Number) : []);
}

async function applyFilter() {
  const filter = filters();
  const { rows } = await call("count", { reviewer: state.reviewer, filter });
  const isSet = Object.values(filter).some((value) => value && value !== "all");
  if (rows) await load(1, { wrap: true, place: (state.row?.place ?? 0) - 1 });
  else problem("No row passes this filter.");
  $("count").textContent = isSet ? `${rows.toLocaleString("en")} row${rows === 1 ? "" : "s"}` : "";
}

async function begin() {
  sessionStorage.setItem("reviewer", state.reviewer);
  $("who-button").textContent = state.reviewer;
  state.overview = await call("overview", { reviewer: state.reviewer });
  const { file, checks, rungs, progress } = state.overview;
  $("file").textContent = file;
  document.title = `Review ${file}`;
  for (const [id, counts] of Object.entries({ check: checks, rung: rungs })) {
    const options = Object.entries(counts).map(([name, n]) => el("option", { value: name }, `${name} (${n.toLocaleString("en")})`));
    $(id).replaceChildren($(id).options[0], ...options);
  }
  showProgress(progress);
  const place = sessionStorage.getItem("place");
  if (place !== null && (await load(0, { place: Number(place) }))) return;
  if (!(await load(1, { wrap: true, place: -1, filter: { show: "undecided" } }))) await load(0, { place: 0 });
}

wire();
once(async () => {
  const { reviewer } = await call("hello");
  state.reviewer = sessionStorage.getItem("reviewer") || reviewer || (await openWho(""));
  await begin();
});
