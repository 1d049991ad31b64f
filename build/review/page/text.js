// Offsets. The kit counts code points; a string of JavaScript counts UTF-16 units, of which an astral character has two.

/** Code points in the first `units` UTF-16 units of a text. */
export function toPoints(text, units) {
  let points = 0;
  for (let at = 0; at < units; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0xdc00 || code > 0xdfff) points += 1; // the second half of a pair is counted with the first
  }
  return points;
}

/** UTF-16 units in front of each of some code point offsets, as a function; the offsets may come in any order. */
export function unitsOf(text, offsets) {
  const found = new Map();
  let units = 0;
  let points = 0;
  for (const offset of [...offsets].sort((a, b) => a - b)) {
    while (points < offset && units < text.length) {
      units += text.codePointAt(units) > 0xffff ? 2 : 1;
      points += 1;
    }
    found.set(offset, units);
  }
  return (offset) => found.get(offset);
}

/** A piece of a text by code points. */
export function slice(text, start, end) {
  const units = unitsOf(text, [start, end]);
  return text.slice(units(start), units(end));
}

/** Code points of a text. */
export function length(text) {
  return toPoints(text, text.length);
}

/**
 * Cut a text where places begin and end.
 * places: [{start, end, ...}], half-open code points. Returns [{text, start, end, places}] that together are the text.
 */
export function segments(text, places) {
  const total = length(text);
  const edges = [...new Set([0, total, ...places.flatMap((place) => [place.start, place.end])])];
  edges.sort((a, b) => a - b);
  const units = unitsOf(text, edges);
  const starting = [...places].sort((a, b) => a.start - b.start);
  let open = [];
  let next = 0;
  const found = [];
  for (let at = 0; at + 1 < edges.length; at += 1) {
    const [start, end] = [edges[at], edges[at + 1]];
    open = open.filter((place) => place.end > start);
    while (next < starting.length && starting[next].start <= start) open.push(starting[next++]);
    open = open.filter((place) => place.end > start);
    found.push({ text: text.slice(units(start), units(end)), start, end, places: [...open] });
  }
  return found;
}

/** Give each place a lane, so that overlapping ones are drawn in different lanes; sets place.lane, 0 for the innermost. */
export function setLanes(places) {
  const bySize = [...places].sort((a, b) => a.end - a.start - (b.end - b.start) || a.start - b.start);
  const lanes = [];
  for (const place of bySize) {
    let lane = lanes.findIndex((taken) => taken.every((other) => other.end <= place.start || other.start >= place.end));
    if (lane < 0) lane = lanes.push([]) - 1;
    lanes[lane].push(place);
    place.lane = lane;
  }
}

/** The selection within an element, as a function that makes it anew in another element of the same text; or null. */
export function heldSelection(element) {
  const held = element && selectedUnits(element);
  if (!held) return null;
  const text = element.textContent;
  return (again) => {
    if (again?.textContent === text) getSelection().setBaseAndExtent(...nodeAt(again, held.start), ...nodeAt(again, held.end));
  };
}

/** UTF-16 units of the selection within an element: {start, end}, or null if nothing or something else is selected. */
function selectedUnits(element) {
  const selection = getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return null;
  const range = selection.getRangeAt(0);
  if (!element.contains(range.startContainer) || !element.contains(range.endContainer)) return null;
  const before = document.createRange();
  before.selectNodeContents(element);
  before.setEnd(range.startContainer, range.startOffset);
  const start = before.toString().length;
  return { start, end: start + range.toString().length };
}

function nodeAt(element, units) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let node = walker.nextNode();
  while (node && units > node.length) {
    units -= node.length;
    node = walker.nextNode();
  }
  return node ? [node, units] : [element, 0];
}

/** Where the selection is within an element that holds nothing but a text: {start, end} in code points, or null. */
export function selected(element, text) {
  const found = selectedUnits(element);
  if (!found) return null;
  let { start, end } = found;
  // Spaces that a double click takes along are not meant, and half a character cannot be.
  while (start < end && /\s/u.test(text[start])) start += 1;
  while (start < end && /\s/u.test(text[end - 1])) end -= 1;
  if (/[\udc00-\udfff]/.test(text[start] || "")) start -= 1;
  if (/[\udc00-\udfff]/.test(text[end] || "")) end += 1;
  return start < end ? { start: toPoints(text, start), end: toPoints(text, end) } : null;
}
