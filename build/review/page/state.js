// What the page knows, and the few things that every part of it does: saying something, one action at a time, the draft.

import { Refused } from "./api.js";
import { lostSpans, sameRecord, toRecord } from "./draft.js";

export const $ = (id) => document.getElementById(id);

export const state = {
  reviewer: "",
  overview: null,
  row: null, // as the server gives it
  base: null, // the record that is shown before any change: the target, or this reviewer's correction of it
  draft: null,
  chosen: null, // {item, span} that s sets
  editing: null, // the text field, while the text is edited
  discarded: null, // {key, draft} of the last draft that was thrown away
  byKey: false, // whether the last thing the person used was the keyboard
  pressing: false, // whether a mouse button is held down: what is drawn anew now, the click would miss
  late: false, // whether something is to be drawn once it is released
};

let running = null; // the promise of the action that is under way

/** Tell what happened, to those who hear the page too. */
export function say(text) {
  $("status").textContent = text;
}

/** Show what is wrong; an empty text clears it. */
export function problem(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
  if (text) $("problem").scrollIntoView({ block: "nearest" });
}

/** Run one action at a time, so that a key pressed twice decides one row; what goes wrong is shown and loses nothing. */
export async function once(work, again) {
  if (running) return;
  running = act(work, again);
  try {
    await running;
  } finally {
    running = null;
  }
}

/** Run an action as soon as none is under way, for what must not be passed over: a filter that the form shows already. */
export async function afterwards(work) {
  while (running) await running.catch(() => {});
  await once(work);
}

async function act(work, again) {
  try {
    problem("");
    say("");
    await work();
  } catch (error) {
    problem(error instanceof Refused ? error.message : `The page failed: ${error}`);
    if (error.changed) await again();
    if (!(error instanceof Refused)) throw error;
  }
}

/** Name of the row for the server. */
export function rowName({ target, sha256 }) {
  return { config: `${target.language}_${target.task}`, id: target.id, sha256 };
}

/** Where the draft of the row is kept over a reload. */
export function draftKey() {
  return `draft:${state.reviewer}:${JSON.stringify(rowName(state.row))}`;
}

/** Take over what is being typed into a field of the row, which is told only when the focus leaves the field. */
export function commit() {
  const field = document.activeElement;
  if (field?.matches("#target input")) field.blur();
}

function stored(name) {
  return JSON.parse(sessionStorage.getItem(name) || "[]");
}

/** Remember that a filter chose this row: it is no random row, not even after a reload. */
export function markFiltered(row) {
  const key = JSON.stringify([row.target.language, row.target.task, row.target.id]);
  if (!stored("filtered").includes(key)) sessionStorage.setItem("filtered", JSON.stringify([...stored("filtered"), key].slice(-5000)));
}

/** Whether a filter ever chose this row. */
export function isFiltered(row) {
  return stored("filtered").includes(JSON.stringify([row.target.language, row.target.task, row.target.id]));
}

/** Unsaved changes of this reviewer, or of all that used this tab: [key, {draft, place}] each. */
export function drafts(ofAll = false) {
  const begin = ofAll ? "draft:" : `draft:${state.reviewer}:`;
  const keys = Object.keys(sessionStorage).filter((key) => key.startsWith(begin));
  return keys.sort().map((key) => [key, JSON.parse(sessionStorage.getItem(key))]);
}

/** Unsaved changes of this row in an earlier form: [{key, draft}]. */
export function earlierDrafts() {
  const { sha256, ...name } = rowName(state.row);
  const begin = `draft:${state.reviewer}:${JSON.stringify(name).slice(0, -1)},`;
  return drafts()
    .filter(([key]) => key.startsWith(begin) && key !== draftKey())
    .map(([key, { draft }]) => ({ key, draft }));
}

/** Whether the draft says something else than what is shown without it. */
export function isChanged() {
  return !sameRecord(toRecord(state.draft, state.row.target), state.base);
}

/** The first span that must be set, as {item, span}, or null. */
export function firstLost() {
  for (const [item, { spans }] of state.draft.items.entries()) {
    const span = spans.findIndex((one) => one.lost);
    if (span >= 0) return { item, span };
  }
  return null;
}

/** Keep the draft over a reload, or forget it if it changes nothing. */
export function keepDraft() {
  if (!isChanged() && !lostSpans(state.draft)) return sessionStorage.removeItem(draftKey());
  try {
    return sessionStorage.setItem(draftKey(), JSON.stringify({ draft: state.draft, place: state.row.place }));
  } catch {
    return say("This draft is too large to be kept over a reload: save it soon.");
  }
}
