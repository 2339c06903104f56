// Which todos a view shows at a moment, and in which order. An entry is a slot, or a group with its name.

import { days } from "./dates.js";

export function arrange(history, view, wanted) {
  const { states, numbers } = history;
  if (wanted !== null) return arranged(slotsOf(history, (_, slot) => wanted.has(numbers[slot])), history);
  if (view === "board") return board(history);
  if (view === "list") return arranged(slotsOf(history, (state) => state.completed === null && !state.removed), history);
  return arranged(slotsOf(history, (state) => !state.removed), history);
}

function slotsOf({ states }, isWanted) {
  const found = [];
  for (let slot = 0; slot < states.length; slot++) {
    if (states[slot] !== null && isWanted(states[slot], slot)) found.push(slot);
  }
  return found;
}

// The todos of a group by urgency. Slots are in the order of the numbers, so only those that are due need sorting.
class Group {
  constructor(name, priorities) {
    this.name = name;
    this.dated = [];
    this.ranked = Array.from({ length: priorities.length + 1 }, () => []);
  }

  add(slot, state) {
    (state.due === null ? this.ranked[state.rank] : this.dated).push(slot);
  }

  sorted(states) {
    this.dated.sort((one, two) =>
      states[one].dueEnd - states[two].dueEnd || states[one].rank - states[two].rank || one - two);
    return this.dated.concat(...this.ranked);
  }
}

function board(history) {
  const { states } = history;
  const now = history.time;
  const today = days.startOfDay(now);
  const tomorrow = days.nextDay(now);
  const groups = ["Overdue", "Today", "Next", "Waiting"].map((name) => new Group(name, history.fields.priorities));
  const [late, current, next, waiting] = groups;
  for (let slot = 0; slot < states.length; slot++) {
    const state = states[slot];
    if (state === null || state.completed !== null || state.removed) continue;
    if (state.waitEnd > now) waiting.add(slot, state);
    else if (state.dueEnd < now) late.add(slot, state);
    else if (state.dueEnd >= today && state.dueEnd < tomorrow) current.add(slot, state);
    else next.add(slot, state);
  }
  const entries = [];
  const levels = new Map();
  let count = 0;
  for (const group of groups) {
    const slots = group.sorted(states);
    if (!slots.length) continue;
    entries.push({ name: group.name, count: slots.length });
    for (const entry of nested(slots, history, levels)) entries.push(entry);
    count += slots.length;
  }
  return { entries, levels, count };
}

function arranged(slots, history) {
  const levels = new Map();
  return { entries: nested(slots, history, levels), levels, count: slots.length };
}

// As a tree: each todo under its parent, if that is among them, and otherwise in the same order.
function nested(slots, { states, slots: slotOf }, levels) {
  if (!slots.some((slot) => states[slot].parent !== null)) return slots;
  const shown = new Set(slots);
  const children = new Map();
  const roots = [];
  for (const slot of slots) {
    const parent = slotOf.get(states[slot].parent);
    if (parent === undefined || !shown.has(parent)) roots.push(slot);
    else if (children.has(parent)) children.get(parent).push(slot);
    else children.set(parent, [slot]);
  }
  const entries = [];
  const stack = roots.reverse().map((slot) => [slot, 0]);
  while (stack.length) {
    const [slot, level] = stack.pop();
    entries.push(slot);
    if (level) levels.set(slot, level);
    for (const child of (children.get(slot) ?? []).reverse()) stack.push([child, level + 1]);
  }
  if (entries.length < slots.length) { // a merge can make todos parts of one another
    const placed = new Set(entries);
    for (const slot of slots) if (!placed.has(slot)) entries.push(slot);
  }
  return entries;
}

// How many of the todos directly under each todo there are, and how many of them are done.
export function progress({ states, slots }) {
  const found = new Map();
  for (const state of states) {
    if (state === null || state.removed || state.parent === null) continue;
    const parent = slots.get(state.parent);
    const [done, all] = found.get(parent) ?? [0, 0];
    found.set(parent, [done + (state.completed === null ? 0 : 1), all + 1]);
  }
  return found;
}

export function isOverdue(state, now) {
  return state.completed === null && !state.removed && state.dueEnd < now;
}
