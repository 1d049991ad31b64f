// How a record differs from another, in words and marks for a person.

import { el } from "./view.js";

const AROUND = 12; // characters shown on both sides of what changed in a text

/** Lines that say what became of label, text and items; none if nothing did. */
export function differences(before, after) {
  return [labelLine(before.label, after.label), textLine(before.text, after.text), ...itemLines(before.items, after.items)].filter(Boolean);
}

function line(what, ...parts) {
  return el("li", {}, el("small", {}, what), " ", ...parts);
}

function labelLine(before, after) {
  if (before === after) return null;
  return line("label", el("del", { dir: "auto" }, before ?? "none"), " → ", el("ins", { dir: "auto" }, after ?? "none"));
}

function textLine(before, after) {
  if (before === after) return null;
  const [old, now] = [characters(before), characters(after)];
  const shorter = Math.min(old.length, now.length);
  let begin = 0;
  while (begin < shorter && old[begin] === now[begin]) begin += 1;
  let end = 0;
  while (end < shorter - begin && old.at(-1 - end) === now.at(-1 - end)) end += 1;
  const [gone, come] = [old.slice(begin, old.length - end).join(""), now.slice(begin, now.length - end).join("")];
  const left = (begin > AROUND ? "…" : "") + now.slice(Math.max(0, begin - AROUND), begin).join("");
  const rest = now.slice(now.length - end);
  const right = rest.slice(0, AROUND).join("") + (rest.length > AROUND ? "…" : "");
  return line("text", el("bdi", {}, left, gone ? el("del", {}, gone) : "", come ? el("ins", {}, come) : "", right));
}

/** Characters as a person counts them, so that none is cut in two. */
function characters(text) {
  return Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment);
}

function itemLines(before, after) {
  const [old, now] = [(before || []).map(itemText), (after || []).map(itemText)];
  const mark = (tag, sign) => (text) => line(`item ${sign}`, el(tag, { dir: "auto" }, text));
  const lines = [...without(old, now).map(mark("del", "−")), ...without(now, old).map(mark("ins", "+"))];
  if (!lines.length && !before !== !after) lines.push(line("items", after ? "none" : "not said"));
  return lines;
}

/** What of `these` is not among `those`, each as often as it is missing. */
function without(these, those) {
  const left = [...those];
  return these.filter((one) => {
    const at = left.indexOf(one);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

function itemText({ label, spans }) {
  const place = ({ start, end }) => (start === null ? "" : ` (${start}–${end})`);
  const role = (span) => (span.role === "entity" ? "" : `${span.role} `);
  return `${label}: ${spans.map((span) => `${role(span)}${span.text}${place(span)}`).join(", ")}`;
}
