// A draft: the record as the reviewer is changing it. Nothing here touches the page or the server.

import { length, slice } from "./text.js";

/** A draft of a record. Optional roles that an item does not have are offered as spans that are `absent`. */
export function newDraft(record, roles) {
  const optional = roles.filter((role) => role.endsWith("?")).map((role) => role.slice(0, -1));
  const items = (record.items || []).map((item) => {
    const spans = item.spans.map((span) => ({ ...span }));
    const has = new Set(spans.map((span) => span.role));
    const absent = optional.filter((role) => !has.has(role)).map((role) => emptySpan(role, "absent"));
    return { ...item, spans: [...spans, ...absent] };
  });
  return { text: record.text, label: record.label, items, hasItems: record.items !== null };
}

function emptySpan(role, state) {
  return { text: "", start: null, end: null, role, [state]: true };
}

/** The record that the draft stands for; `target` gives what is not under review. */
export function toRecord(draft, target) {
  const items = draft.items.map((item) => ({
    label: item.label,
    spans: item.spans
      .filter((span) => !span.absent)
      .map(({ text, start, end, role }) => ({ text, start, end, role })),
    source_item: item.source_item,
    ...(Object.keys(item.attributes || {}).length ? { attributes: item.attributes } : {}),
  }));
  return { ...target, text: draft.text, label: draft.label, items: draft.hasItems ? items : null };
}

/** Whether two records say the same under review. */
export function sameRecord(one, other) {
  return ["text", "label", "items"].every((name) => JSON.stringify(one[name]) === JSON.stringify(other[name]));
}

/** Put a span somewhere. */
export function setPlace(draft, itemAt, spanAt, place) {
  const span = draft.items[itemAt].spans[spanAt];
  draft.items[itemAt].spans[spanAt] = { text: slice(draft.text, place.start, place.end), ...place, role: span.role };
}

/** Move the edges of a span by code points; false if that leaves the text or the span. */
export function nudge(draft, itemAt, spanAt, byStart, byEnd) {
  const span = draft.items[itemAt].spans[spanAt];
  if (span.start === null) return false;
  const place = { start: span.start + byStart, end: span.end + byEnd };
  if (place.start < 0 || place.start >= place.end || place.end > length(draft.text)) return false;
  setPlace(draft, itemAt, spanAt, place);
  return true;
}

/** Add an item at a place; of a relation or an event the other roles are still to be set. Returns its index. */
export function addItem(draft, roles, label, place) {
  const spans = roles.map((role) => emptySpan(role.replace(/\?$/, ""), role.endsWith("?") ? "absent" : "lost"));
  draft.items.push({ label, spans, source_item: null });
  draft.hasItems = true;
  setPlace(draft, draft.items.length - 1, 0, place);
  return draft.items.length - 1;
}

/** Give an item's attribute a value, or take it away with null. */
export function setAttribute(draft, itemAt, name, value) {
  const item = draft.items[itemAt];
  const attributes = { ...item.attributes, [name]: value };
  if (value === null) delete attributes[name];
  item.attributes = attributes;
}

/** Number of spans that must be set before the draft can be saved. */
export function lostSpans(draft) {
  return draft.items.flatMap((item) => item.spans).filter((span) => span.lost).length;
}
