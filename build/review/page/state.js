// What the page knows, and the few things that every part of it does: saying something, one action at a time, the draft.

import { Refused } from "./api.js";
import { lostSpans, sameRecord, toRecord } from "./draft.js";

export const $ = (id) => document.getElementById(id);

export const state = {
  reviewer: "",
  overview: null,
  row: null, // as the server gives it
  filtered: false, // whether a filter chose the row
  base: null, // the record that is shown before any change: the target, or this reviewer's correction of it
  draft: null,
  chosen: null, // {item, span} that s sets
  editing: null, // the text field, while the text is edited
  discarded: null, // {key, draft} of the last draft that was thrown away
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
    return sessionStorage.setItem(draftKey(), JSON.stringify(state.draft));
  } catch {
    return say("This draft is too large to be kept over a reload: save it soon.");
  }
}
