// Changing the draft: spans, items, the text.

import { call } from "./api.js";
import { addItem, lostSpans, newDraft, nudge, setPlace } from "./draft.js";
import { changed, choose, draw } from "./row.js";
import { $, commit, draftKey, firstLost, isChanged, once, problem, say, state } from "./state.js";
import { selected } from "./text.js";
import { el } from "./view.js";

/** Characters that can stand for a carriage return, which a text field would turn into a line feed. */
const STAND_INS = ["␍", "\ue00d", "\ue00e"];

function selection() {
  const box = $("target").querySelector(".text");
  const place = box && selected(box, state.draft.text);
  if (!place) problem("Select a piece of the text under review first, with the mouse.");
  return place;
}

/** Put the chosen span where the text is selected. */
export function setSpan() {
  if (!state.chosen) return problem("Choose a span first: click it in the list.");
  const place = selection();
  if (!place) return undefined;
  setPlace(state.draft, state.chosen.item, state.chosen.span, place);
  state.chosen = firstLost() || state.chosen;
  getSelection().removeAllRanges();
  return changed();
}

/** Add an item where the text is selected. */
export function addHere() {
  const place = selection();
  if (!place) return;
  const label = state.draft.items.at(-1)?.label || state.row.item_labels?.[0] || ""; // an open label is typed
  const there = state.draft.items.findIndex(({ spans }) => spans[0]?.start === place.start && spans[0].end === place.end);
  const item = addItem(state.draft, state.row.roles, label, place);
  state.chosen = firstLost() || { item, span: 0 };
  getSelection().removeAllRanges();
  changed();
  focusLabel(item);
  if (there >= 0) say(`Item ${there + 1} is at this place already: choose another label, or drop one of the two.`);
}

/** Say of a row of a worklist that there is nothing to mark in it. */
export function noItems() {
  if (state.draft.items.length) return problem("There are items: drop them first.");
  state.draft.hasItems = true;
  return changed();
}

/** Put the focus on the label of an item. */
export function focusLabel(item) {
  document.querySelector(`#target [aria-label="Label of item ${item + 1}"]`)?.focus();
}

/** Move the edges of the chosen span by code points. */
export function byNudge(start, end) {
  return () => {
    if (state.chosen && nudge(state.draft, state.chosen.item, state.chosen.span, start, end)) changed();
  };
}

/** Choose the next (1) or previous (-1) span. */
export function nextSpan(step) {
  const all = state.draft.items.flatMap(({ spans }, item) => spans.map((_, span) => ({ item, span })));
  if (!all.length) return;
  const at = all.findIndex(({ item, span }) => item === state.chosen?.item && span === state.chosen?.span);
  const { item, span } = all[(at + step + all.length) % all.length];
  choose(item, span);
}

/** Open the text for editing. */
export function editText() {
  if (state.editing) return;
  const { text } = state.draft;
  const stand = STAND_INS.find((one) => !text.includes(one));
  const area = el("textarea", { dir: "auto", "aria-label": "Text under review", spellcheck: "false" });
  area.value = text.replaceAll("\r", stand);
  const done = el("button", { type: "button", class: "good" }, "Done ", el("kbd", {}, "Ctrl+Enter"));
  const finish = () => once(() => finishText());
  done.addEventListener("click", finish);
  area.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) finish();
    if (event.key === "Escape") {
      state.editing = null;
      draw();
    }
  });
  const hint = text.includes("\r") ? el("small", {}, `${stand} stands for a carriage return`) : null;
  state.editing = el("div", { class: "editor" }, area, el("div", { class: "buttons" }, hint, done));
  state.editing.text = () => area.value.replaceAll(stand, "\r");
  draw();
  area.style.height = `${Math.min(area.scrollHeight + 8, innerHeight / 2)}px`;
  area.focus();
}

/** Take the edited text over, if one is being edited; spans move along where that is certain. */
export async function finishText() {
  if (!state.editing) return;
  const { draft } = state;
  const text = state.editing.text();
  if (text !== draft.text) {
    // Spans that have no text yet are not sent: there is nothing to move.
    const moves = (span) => !span.lost && !span.absent && span.text;
    const sent = draft.items.map((item) => ({ ...item, spans: item.spans.filter(moves) }));
    const { items } = await call("move", { old: draft.text, new: text, items: sent });
    draft.items.forEach((item, at) => {
      const moved = items[at].spans.values();
      item.spans = item.spans.map((span) => (moves(span) ? moved.next().value : span));
    });
    draft.text = text;
  }
  state.editing = null;
  state.chosen = firstLost() || state.chosen;
  changed();
  tellLost();
}

/** Take over all that is being typed, before another row is shown. */
export async function leave() {
  commit();
  await finishText();
}

/** Say which spans must be set; false if there is none. */
export function tellLost() {
  const lost = lostSpans(state.draft);
  const what = lost > 1 ? `${lost} spans are` : "One span is";
  if (lost) problem(`${what} not certain in the new text: select the right place and press s, or drop the item.`);
  return lost > 0;
}

/** Throw the changes of this row away; undo brings them back. */
export function discard() {
  if (isChanged() || lostSpans(state.draft)) {
    state.discarded = { key: draftKey(), draft: state.draft };
    say("Discarded; u brings the changes back.");
  }
  sessionStorage.removeItem(draftKey());
  state.editing = null;
  state.draft = newDraft(state.base, state.row.roles);
  state.chosen = state.draft.items.length ? { item: 0, span: 0 } : null;
  draw();
}
