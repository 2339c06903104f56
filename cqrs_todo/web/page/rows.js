// The list, of which only the visible rows exist. It is a grid with one tab stop: `aria-activedescendant` names the row.

import { relative } from "./dates.js";
import { element, find, setAttribute, visible } from "./dom.js";
import { isOverdue } from "./order.js";
import * as words from "./words.js";

const MARGIN = 4; // rows above and below the visible ones
const MARK_MS = 120; // after the last movement, rows are looked at that have no room for their chips

const keyOf = (entry) => (typeof entry === "object" ? entry.name : entry);

// The chips of a field, by its kind: of each the style, the text, and what it says when it is pointed at.
function inRow({ kind, name, marker }, value, now) {
  switch (kind) {
    case "recurrence": return [["every", `↻ ${words.recurrence(value)}`]];
    case "words": return value.map((word) => ["tag", `${marker}${word}`]);
    case "attributes": return value.map(([key, text]) => ["tag", `${key}:${text}`]);
    case "instant": return [["every", `${marker.replace(":", " ")}${relative(value, now)}`]];
    case "note": return [["every", "note", "It has a note"]];
    default: return [["project", value, `${name} ${value}`]];
  }
}

export class Rows {
  constructor(handlers) {
    this.grid = find("rows");
    this.inner = find("inner");
    this.handlers = handlers;
    this.pool = new Map(); // rows by their slots, and by the names of groups: a row that moves need not be filled again
    this.spare = [];
    this.entries = [];
    this.active = -1; // the place of the active row
    this.activeSlot = null;
    this.all = false; // whether every row exists, to be printed
    this.grid.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.#measure()).observe(this.grid);
    this.inner.addEventListener("click", (event) => this.#clicked(event));
    this.inner.addEventListener("dblclick", (event) => {
      const row = event.target.closest(".row");
      if (row && row.slot >= 0) handlers.open(row.slot, true);
    });
    this.#measure();
  }

  #measure() {
    this.height = parseFloat(getComputedStyle(this.grid).getPropertyValue("--row")) || 44;
    this.draw(true);
  }

  #clicked(event) {
    const row = event.target.closest(".row");
    if (!row || row.slot < 0) return;
    this.activate(row.place);
    if (event.target.closest("input")) {
      event.preventDefault(); // it is checked when the server has recorded it
      this.handlers.toggle(row.slot);
    } else if (!event.target.closest(".more")) this.handlers.open(row.slot, false); // the active row shows all of its chips
  }

  // Shows entries. The context holds what all rows need: the history, the time, and so on.
  show(arranged, context) {
    this.entries = arranged.entries;
    this.levels = arranged.levels;
    this.context = context;
    if (this.activeSlot !== null) {
      if (this.entries[this.active] !== this.activeSlot) this.active = this.entries.indexOf(this.activeSlot);
      if (this.active < 0) this.activeSlot = null;
    }
    this.grid.setAttribute("aria-rowcount", this.entries.length);
    const height = `${this.entries.length * this.height}px`;
    if (this.inner.style.height !== height) this.inner.style.height = height;
    this.draw();
  }

  draw(anew = false) {
    if (!this.context) return;
    const { grid, height, entries, pool } = this;
    const top = grid.scrollTop;
    let first = Math.max(0, Math.floor(top / height) - MARGIN);
    let last = Math.min(entries.length, Math.ceil((top + grid.clientHeight) / height) + MARGIN);
    if (this.all) [first, last] = [0, entries.length];
    first = Math.min(first, last); // the list may have become shorter
    const wanted = new Set();
    for (let place = first; place < last; place++) wanted.add(keyOf(entries[place]));
    for (const [key, row] of pool) {
      if (wanted.has(key)) continue;
      row.hidden = true;
      row.removeAttribute("id");
      pool.delete(key);
      this.spare.push(row);
    }
    for (let place = first; place < last; place++) {
      const key = keyOf(entries[place]);
      let row = pool.get(key);
      if (row === undefined) {
        row = this.spare.pop() ?? this.#made();
        row.hidden = false;
        row.place = -1;
        pool.set(key, row);
      }
      if (row.place !== place || anew) {
        row.place = place;
        row.style.transform = `translateY(${place * height}px)`;
        row.setAttribute("aria-rowindex", place + 1);
        row.id = `row-${place}`;
      }
      this.#fill(row, entries[place]);
    }
    const active = this.active >= first && this.active < last ? `row-${this.active}` : null;
    if (grid.getAttribute("aria-activedescendant") !== active) {
      if (active === null) grid.removeAttribute("aria-activedescendant");
      else grid.setAttribute("aria-activedescendant", active);
    }
    clearTimeout(this.marking);
    this.marking = setTimeout(() => this.#markCut(), MARK_MS);
  }

  // Marks the rows that have no room for all of their chips. All are measured at once, which costs one layout.
  #markCut() {
    const all = [...this.pool.values()].map((row) => row.parts);
    for (const { more } of all) more.hidden = true;
    const cut = all.map(({ chips }) => chips.scrollHeight > chips.clientHeight + 2);
    all.forEach(({ more }, place) => { more.hidden = !cut[place]; });
  }

  // Puts the rows into the order in which they are read. Moving them takes too long while the list moves.
  settle() {
    const sorted = [...this.pool.values()].sort((one, two) => one.place - two.place);
    let next = this.inner.firstElementChild;
    for (const row of sorted) {
      if (row === next) next = next.nextElementSibling;
      else this.inner.insertBefore(row, next);
    }
  }

  #made() {
    const box = element("input", { type: "checkbox", tabindex: "-1" });
    const number = element("span", { class: "number", role: "gridcell" });
    const text = element("span", { class: "text", dir: "auto" });
    const chips = element("span", { class: "chips" });
    const more = element("span", { class: "more", "aria-hidden": "true", title: "Show all of it", hidden: true }, "…");
    const row = element("div", { class: "row", role: "row" },
      element("span", { class: "check", role: "gridcell" }, box), number,
      element("span", { class: "body", role: "gridcell" }, text, chips), more);
    row.parts = { box, number, text, chips, more };
    row.slot = -1;
    this.inner.append(row);
    return row;
  }

  #fill(row, entry) {
    const { history, now, progress, editable } = this.context;
    const isActive = row.place === this.active;
    if (typeof entry === "object") {
      this.#fillGroup(row, entry);
      return;
    }
    const state = history.states[entry];
    const present = history.now[entry];
    const count = progress.get(entry);
    const key = `${isActive}${editable}${this.levels.get(entry) ?? 0}${count ?? ""}${Math.floor(now / 60_000)}`;
    if (row.slot === entry && row.state === state && row.present === present && row.key === key) return;
    Object.assign(row, { slot: entry, state, present, key });
    const differing = history.atNow ? [] : history.fields.differing(state, present);
    const level = this.levels.get(entry) ?? 0;
    const isDone = state.completed !== null;
    row.className = `row${isActive ? " active" : ""}${isDone ? " done" : ""}${differing.length ? " differs" : ""}`;
    row.style.setProperty("--level", Math.min(level, 6));
    row.setAttribute("aria-selected", isActive);
    row.removeAttribute("aria-label");
    const { box, number, text, chips } = row.parts;
    box.hidden = false;
    box.checked = isDone;
    box.disabled = !editable;
    setAttribute(box, "aria-label", `Done: ${state.text}`);
    number.textContent = history.numbers[entry];
    number.setAttribute("role", "gridcell");
    text.textContent = visible(state.text);
    chips.replaceChildren(...this.#chips(state, entry, differing, present, count));
  }

  #fillGroup(row, { name, count }) {
    const key = `${name} ${count}`;
    if (row.key === key && row.slot === -1) return;
    Object.assign(row, { slot: -1, state: null, present: null, key });
    row.className = `row group ${name.toLowerCase()}`;
    row.style.setProperty("--level", 0);
    row.removeAttribute("aria-selected");
    const { box, number, text, chips } = row.parts;
    box.hidden = true;
    number.textContent = "";
    text.textContent = name;
    chips.replaceChildren(element("span", { class: "chip total" }, String(count)));
  }

  #chips(state, slot, differing, present, count) {
    const { history, now } = this.context;
    const chip = (kind, text, label = null) => element("span", { class: `chip ${kind}`, title: label }, text);
    const label = (id) => this.label(id);
    const found = [];
    if (differing.length) found.push(chip("since", words.difference(differing, state, present)));
    if (state.removed) found.push(chip("removed", "removed"));
    if (state.due !== null) {
      const late = isOverdue(state, now);
      found.push(chip(late ? "late" : "due", `${late ? "overdue " : ""}${words.due(state, now)}`, `due ${state.due}`));
    }
    if (state.priority !== null) found.push(chip(`pri ${state.priority}`, state.priority, `priority ${state.priority}`));
    if (count) found.push(chip("sub", `${count[0]}/${count[1]}`, `${count[0]} of ${count[1]} children are done`));
    if (state.parent !== null && !this.levels.has(slot)) found.push(chip("sub", `under ${label(state.parent)}`));
    if (state.waitEnd > now) found.push(chip("wait", `waits until ${words.shown({ kind: "day or instant" }, state.wait, label)}`));
    const blockers = state.depends.filter((id) => {
      const other = history.states[history.slots.get(id)];
      return other && other.completed === null && !other.removed;
    });
    if (blockers.length && state.completed === null) found.push(chip("wait", `blocked by ${blockers.map(label).join(", ")}`));
    for (const field of history.fields.inRows) {
      const { name } = field;
      if (state[name] !== null) for (const [kind, text, title] of inRow(field, state[name], now)) found.push(chip(kind, text, title));
    }
    return found;
  }

  label(id) {
    const { history } = this.context;
    const slot = history.slots.get(id);
    return slot === undefined ? id : String(history.numbers[slot]);
  }

  // The active row

  activate(place, scroll = true) {
    if (place < 0 || place >= this.entries.length) return;
    this.active = place;
    this.activeSlot = this.entries[place];
    if (scroll) this.#scrollTo(place);
    this.draw();
  }

  // Activates the next todo in a direction, over the names of groups.
  step(direction, count = 1) {
    let place = this.active < 0 ? (direction > 0 ? -1 : this.entries.length) : this.active;
    let found = this.active;
    while (count-- > 0) {
      do place += direction; while (typeof this.entries[place] === "object");
      if (place < 0 || place >= this.entries.length) break;
      found = place;
    }
    this.activate(found);
  }

  #scrollTo(place) {
    const { grid, height } = this;
    const top = place * height;
    if (top < grid.scrollTop + height) grid.scrollTop = top - height;
    else if (top + 2 * height > grid.scrollTop + grid.clientHeight) grid.scrollTop = top + 2 * height - grid.clientHeight;
  }

  get selected() {
    return typeof this.activeSlot === "number" ? this.activeSlot : null;
  }

  get pageSize() {
    return Math.max(1, Math.floor(this.grid.clientHeight / this.height) - 1);
  }
}
