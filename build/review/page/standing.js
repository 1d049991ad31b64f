// What was said of the row before: by whom, what it would change, and a button to take it over.

import { toRecord } from "./draft.js";
import { differences } from "./changes.js";
import { $, earlierDrafts, state } from "./state.js";
import { el } from "./view.js";

const DONE = { accept: "accepted this row", edit: "corrected this row", reject: "rejected this row" };

/** Draw it; the buttons' data-use says which list and which of it: see takeOver. */
export function drawStanding() {
  const { mine, others, others_count: count, stale, target } = state.row;
  const lines = stale.map((one, at) =>
    said(["This row was rebuilt since; please decide again. Before, ", who(one, one.reviewer)], one, `stale ${at}`),
  );
  earlierDrafts().forEach(({ draft }, at) => {
    const words = "This row was rebuilt while you were changing it; what you had not saved is here. ";
    lines.push(said([words], { action: "edit", record: toRecord(draft, target) }, `drafts ${at}`));
  });
  if (mine) lines.push(el("div", {}, who(mine, "You have")));
  lines.push(...others.map((one, at) => said([who(one, one.reviewer)], one, `others ${at}`)));
  if (count && !others.length) {
    const some = count > 1 ? `${count} other reviewers have` : "Another reviewer has";
    lines.push(el("div", {}, `${some} decided this row; you will see how once you have.`));
  }
  $("standing").replaceChildren(...lines);
  $("standing").hidden = !lines.length;
}

function who(one, name) {
  const why = [state.overview.reasons[one.reason] || one.reason, one.detail].filter(Boolean).join(" – ");
  return el("span", {}, `${name} ${DONE[one.action]}${one.action === "reject" ? `: ${why}` : ""}.`);
}

function said(words, one, use) {
  const name = one.action === "reject" ? "Reject for this reason" : "Use this one";
  const changes = one.action === "edit" ? differences(state.row.target, one.record) : [];
  return el(
    "div",
    { class: "said" },
    ...words,
    " ",
    el("button", { type: "button", "data-use": use }, name),
    changes.length ? el("ul", { class: "changes" }, ...changes) : null,
  );
}
