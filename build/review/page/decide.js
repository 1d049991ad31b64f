// Decisions. One that the server has answered for is on its disk.

import { call } from "./api.js";
import { openReject } from "./dialogs.js";
import { newDraft, toRecord } from "./draft.js";
import { finishText, tellLost } from "./edit.js";
import { changed, go, load } from "./row.js";
import { $, draftKey, earlierDrafts, firstLost, isChanged, isFiltered, rowName, say, state } from "./state.js";

const SAID = { accept: "Accepted.", edit: "Saved.", reject: "Rejected." };
let attempt = null; // {asked, key} of a decision that the server has not answered for

/** Send a decision; one that is sent again after a failure has the same key, and so counts once. */
async function send(body) {
  const asked = JSON.stringify([state.reviewer, body]);
  if (attempt?.asked !== asked) attempt = { asked, key: crypto.randomUUID() };
  await call("decide", { ...body, reviewer: state.reviewer, key: attempt.key });
  attempt = null;
}

function made() {
  return JSON.parse(sessionStorage.getItem("made") || "[]");
}

async function decide(action, more = {}) {
  const row = rowName(state.row);
  await send({ row, action, filtered: isFiltered(state.row), ...more });
  [draftKey(), ...earlierDrafts().map(({ key }) => key)].forEach((key) => sessionStorage.removeItem(key));
  sessionStorage.setItem("made", JSON.stringify([...made(), { ...row, place: state.row.place }].slice(-500)));
  const filter = ["all", "undecided"].includes($("show").value) ? { show: "undecided" } : {};
  const onward = await load(1, { wrap: Boolean(filter.show), filter });
  if (!onward) await load(0);
  say(`${SAID[action]}${onward ? "" : " Nothing undecided is left here."}`);
  scrollTo(0, 0);
}

/** Accept the row, or save the correction of it. */
export async function accept() {
  await finishText();
  if (tellLost()) return undefined;
  if (isChanged()) return decide("edit", { record: toRecord(state.draft, state.row.target) });
  if (state.row.mine?.action === "edit") return go(1, { wrap: true, filter: { show: "undecided" } }); // it stands already
  return decide("accept");
}

/** Reject the row, for a reason that the person gives. */
export async function reject(given = {}) {
  const why = await openReject(state.overview.reasons, given);
  if (why) await decide("reject", why);
}

/** Take over what was said of the row before: list `stale`, `others` or `drafts`, and which of it; it is not saved yet. */
export async function takeOver(list, at) {
  const earlier = earlierDrafts()[at];
  const one = list === "drafts" ? { action: "draft" } : state.row[list][at];
  if (one.action === "reject") return reject(one);
  if (isChanged()) state.discarded = { key: draftKey(), draft: state.draft };
  if (list === "drafts") sessionStorage.removeItem(earlier.key);
  state.editing = null;
  state.draft = list === "drafts" ? earlier.draft : newDraft(one.record || state.row.target, state.row.roles);
  state.chosen = firstLost() || (state.draft.items.length ? { item: 0, span: 0 } : null);
  changed();
  return say("Taken over, not saved yet: look at it and press a.");
}

/** Bring a discarded draft back; else take back the decision about this row; else this tab's last one, and go there. */
export async function undo() {
  if (state.discarded?.key === draftKey()) {
    state.draft = state.discarded.draft;
    state.discarded = null;
    return changed();
  }
  const before = made();
  const last = state.row.mine ? { ...rowName(state.row), place: state.row.place } : before.at(-1);
  if (!last) return say("There is nothing to undo.");
  const { place, ...row } = last;
  await send({ row, action: "undo" });
  sessionStorage.setItem("made", JSON.stringify(before.filter((one) => one.id !== row.id || one.config !== row.config)));
  await load(0, { place });
  return say("Taken back.");
}
