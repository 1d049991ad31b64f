// Drawing a row. Every text goes in as text, never as HTML.

import { segments, setLanes } from "./text.js";

const HUES = [210, 25, 140, 285, 350, 175, 50, 255, 320, 95, 0, 230];

/** Make an element: el("p", {class: "quiet", onclick: f}, "text", child, ...). */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A hue for each label of a row: by the closed set's order, else as they come; a source label takes its counterpart's. */
export function hues(draft, source, closed) {
  const target = new Map();
  for (const { label } of draft.items) {
    const at = closed ? closed.indexOf(label) : -1;
    if (!target.has(label)) target.set(label, HUES[(at < 0 ? target.size : at) % HUES.length]);
  }
  const other = new Map();
  for (const item of draft.items) {
    const label = item.source_item === null ? undefined : source?.items?.[item.source_item]?.label;
    if (label !== undefined && !other.has(label)) other.set(label, target.get(item.label));
  }
  for (const { label } of source?.items || []) {
    const taken = [...target.values(), ...other.values()];
    const free = HUES.find((hue) => !taken.includes(hue)) ?? HUES[(target.size + other.size) % HUES.length];
    if (!other.has(label)) other.set(label, free);
  }
  return { target, source: other };
}

/** A text with its spans marked. The element holds the text's characters and nothing else, so that offsets can be counted. */
export function textBox(text, items, hue, flags, chosen) {
  const places = [];
  items.forEach((item, itemAt) =>
    item.spans.forEach((span, spanAt) => {
      if (span.start !== null && !span.lost) places.push({ start: span.start, end: span.end, item, itemAt, spanAt, span });
    }),
  );
  setLanes(places);
  const marks = flags.filter((flag) => flag.start !== null && flag.end > flag.start);
  const box = el("p", { class: "text", dir: "auto" });
  const cut = segments(text, [...places, ...marks.map(({ start, end, check }) => ({ start, end, flag: check }))]);
  for (const piece of cut) {
    const covering = piece.places.filter((place) => place.item).sort((a, b) => a.lane - b.lane);
    const flagged = piece.places.filter((place) => place.flag).map((place) => place.flag);
    box.append(covering.length || flagged.length ? segment(piece, covering, flagged, hue, chosen) : piece.text);
  }
  return box;
}

function segment(piece, covering, flagged, hue, chosen) {
  const element = el("span", { class: "seg" }, piece.text);
  if (flagged.length) element.classList.add("flagged");
  const titles = flagged.map((check) => `flagged: ${check}`);
  if (covering.length) {
    element.classList.add("entity");
    element.dataset.items = covering.map((place) => place.itemAt).join(" ");
    element.dataset.place = `${covering[0].itemAt} ${covering[0].spanAt}`;
    element.style.setProperty("--hue", hue.get(covering[0].item.label));
    element.style.setProperty("--lanes", Math.max(...covering.map((place) => place.lane)) + 1);
    const line = (place) => {
      const at = `0 calc(100% - ${4 * place.lane}px)`;
      return `linear-gradient(hsl(${hue.get(place.item.label)} 65% var(--line)) 0 0) ${at} / 100% 3px no-repeat`;
    };
    element.style.background = [...covering.map(line), "var(--tint)"].join(", ");
    const beginning = covering.filter((place) => place.start === piece.start).map((place) => place.itemAt + 1);
    if (beginning.length) element.dataset.begins = beginning.join(" ");
    const span = covering.find((place) => place.itemAt === chosen?.item && place.spanAt === chosen?.span);
    if (span) element.classList.add("chosen");
    if (span?.start === piece.start) element.classList.add("first");
    if (span?.end === piece.end) element.classList.add("last");
    titles.push(...covering.map((place) => `${place.itemAt + 1}: ${place.item.label}${roleOf(place.span, " as ")}`));
  }
  element.title = titles.join("\n");
  return element;
}

function roleOf(span, between) {
  return span.role === "entity" ? "" : between + span.role;
}

/** Where a span is, in words. */
function placeOf(span) {
  if (span.lost) return "must be set";
  if (span.absent) return "none";
  return span.start === null ? "no place" : `${span.start}–${span.end}`;
}

/** A label: a list of the closed set, a field with suggestions for open labels, or plain text where it is not under review. */
export function labelField(value, choices, name, known, onchange) {
  if (choices) {
    const all = choices.includes(value) || value === null ? choices : [value, ...choices];
    const options = all.map((label) => el("option", { value: label }, label));
    if (value === null) options.unshift(el("option", { value: "" }, "(none yet)"));
    const select = el("select", { "aria-label": name, class: "label" }, ...options);
    select.value = value ?? "";
    select.addEventListener("change", () => onchange(select.value || null));
    return select;
  }
  const id = `known-${name.replace(/\W/g, "-")}`;
  const list = el("datalist", { id }, ...known.map((label) => el("option", { value: label })));
  const input = el("input", { "aria-label": name, class: "label", list: id, dir: "auto", autocomplete: "off" });
  input.value = value ?? "";
  input.addEventListener("change", () => onchange(input.value || null));
  return el("span", {}, input, list);
}

/** The attributes of an item: fields, or words where they are not under review. */
function attributeList(items, itemAt, names, act) {
  const given = items[itemAt].attributes || {};
  return [...new Set([...names.map((name) => name.replace(/\?$/, "")), ...Object.keys(given)])].map((name) => {
    const known = [...new Set(items.flatMap((item) => item.attributes?.[name] ?? []))];
    const field = (value) =>
      labelField(value, null, `${name} of item ${itemAt + 1}`, known, (now) => act.attribute(itemAt, name, now));
    const value = act ? field(given[name] ?? null) : el("bdi", {}, given[name] ?? "—");
    return el("span", { class: "attribute" }, el("span", { class: "role" }, name), " ", value);
  });
}

/** The list of items. `act` is null on the source's side, else {choose, label, attribute, drop}. */
export function itemList(items, hue, shown, chosen, act, counterpart) {
  const known = [...new Set(items.map((item) => item.label))];
  const list = el("ol", { class: "items" });
  items.forEach((item, itemAt) => {
    const row = el("li", { class: "item", "data-items": itemAt, tabindex: act ? false : 0 });
    row.style.setProperty("--hue", hue.get(item.label));
    row.append(el("span", { class: "badge" }, String(itemAt + 1)));
    row.append(
      act
        ? labelField(item.label, shown.item_labels, `Label of item ${itemAt + 1}`, known, (label) => act.label(itemAt, label))
        : el("span", { class: "label" }, item.label),
    );
    row.append(...attributeList(items, itemAt, shown.attributes, act));
    const spans = el("span", { class: "spans" });
    item.spans.forEach((span, spanAt) => {
      const words = [
        el("span", { class: "role" }, roleOf(span, "")),
        el("bdi", {}, span.text || (span.lost || span.absent ? "—" : "(empty)")),
        el("small", {}, placeOf(span)),
      ];
      const isChosen = chosen?.item === itemAt && chosen?.span === spanAt;
      const kind = `span${span.lost ? " lost" : ""}${isChosen ? " chosen" : ""}`;
      spans.append(
        act
          ? el("button", { type: "button", class: kind, "aria-pressed": isChosen, "data-place": `${itemAt} ${spanAt}`,
              onclick: () => act.choose(itemAt, spanAt) }, ...words)
          : el("span", { class: kind }, ...words),
      );
    });
    row.append(spans);
    const other = counterpart(itemAt);
    if (other !== null) row.append(el("span", { class: "aligned", title: "its counterpart on the other side" }, `↔ ${other}`));
    if (act) {
      const name = `Drop item ${itemAt + 1}`;
      row.append(el("button", { type: "button", class: "drop", "aria-label": name, title: name,
        onclick: () => act.drop(itemAt) }, "×"));
    }
    list.append(row);
  });
  return items.length ? list : el("p", { class: "quiet" }, "no items");
}

/** Mark the items of the page that belong to an item of one side: itself and its counterparts. */
export function highlight(sides, links, side, items) {
  for (const element of document.querySelectorAll(".hot")) element.classList.remove("hot");
  const wanted = { source: new Set(), target: new Set() };
  for (const item of items) {
    wanted[side].add(item);
    for (const [target, source] of links) {
      if (side === "target" && target === item) wanted.source.add(source);
      if (side === "source" && source === item) wanted.target.add(target);
    }
  }
  for (const name of ["source", "target"]) {
    for (const element of sides[name].querySelectorAll("[data-items]")) {
      if (element.dataset.items.split(" ").some((item) => wanted[name].has(Number(item)))) element.classList.add("hot");
    }
  }
}
