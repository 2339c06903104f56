// Values of fields, and changes, in words.

import { instant, relative, typed } from "./dates.js";

const UNITS = { DAILY: "day", WEEKLY: "week", MONTHLY: "month", YEARLY: "year" };

export function recurrence(every) {
  const parts = Object.fromEntries(every.rule.split(";").map((part) => part.split("=")));
  const unit = UNITS[parts.FREQ];
  if (unit === undefined) return "recurs";
  const count = Number(parts.INTERVAL ?? 1);
  const words = count === 1 ? unit : `${count} ${unit}s`;
  return every.after ? `${words} after it is done` : `every ${words}`;
}

// What a field holds, on one line; "" if it holds nothing.
export function shown(field, value, label) {
  if (value === null || value === undefined || value.length === 0) return "";
  switch (field.kind) {
    case "day or instant": case "instant": return typed(value);
    case "words": return value.map((word) => `${field.marker}${word}`).join(" ");
    case "todo": return label(value);
    case "todos": return value.map(label).join(", ");
    case "recurrence": return recurrence(value);
    case "attributes": return value.map(([key, text]) => `${key}:${text}`).join(" ");
    default: return String(value);
  }
}

// What a person types to get the value of a field again; "" if it holds nothing.
export function editable(field, value, label) {
  if (value === null || value.length === 0) return "";
  if (field.kind === "words") return value.join(" ");
  if (field.kind === "todos") return value.map(label).join(" ");
  if (field.kind === "attributes") return value.map(([key, text]) => `${key}:${text}`).join("\n");
  return shown(field, value, label);
}

// What an event changed.
export function change(event, fields, label) {
  const { type, data, before, after } = event;
  if (type === "todo_created") return "created";
  if (type === "todo_completed") return "done";
  if (type === "todo_reopened") return "reopened";
  if (type === "todo_removed") return "removed";
  if (type === "todo_restored") return "restored";
  const names = fields.differing(before, after);
  if (data === null || !names.length) return type.replace(/^todo_/, "").replaceAll("_", " ");
  return names.map((name) => {
    const field = fields.byName.get(name);
    if (field?.kind === "note") return after.note === null ? "note cleared" : "note changed";
    const [old, value] = [before, after].map((state) => shown(field, state?.[name] ?? null, label));
    if (!value) return `${name} cleared (was ${old})`;
    return old ? `${name} ${old} → ${value}` : `${name} ${value}`;
  }).join(", ");
}

// How a todo differs from now.
export function difference(names, state, present) {
  if (present === null || present.removed) return "removed since";
  if (names.includes("completed")) return present.completed === null ? "open now" : "done now";
  if (names.includes("text")) return `now: ${present.text}`;
  return `${names.join(", ")} changed since`;
}

export function due(state, now) {
  return relative(state.due, now);
}

export function who(event) {
  const { by, at, position, because } = event.commit;
  return `${by}, ${instant(at)} (@${position})${because ? `: ${because}` : ""}`;
}
