// The todo and its fields, by the declarations that the server serves: what each event does, forwards and backwards.

import { days } from "./dates.js";

const IN_ROWS = ["recurrence", "word", "words", "attributes", "instant", "note"];

export class Fields {
  constructor(declarations) {
    this.declared = declarations;
    this.byName = new Map(declarations.map((field) => [field.name, field]));
    this.priorities = this.byName.get("priority").choices; // the most important one first
    // those that each row shows by their kind, after what the rows say about dates, priorities and other todos
    this.inRows = IN_ROWS.flatMap((kind) => declarations.filter((field) => field.kind === kind && field.options.length));
    this.names = [...declarations.map((field) => field.name), "completed", "removed"];
    this.changes = new Map([
      ["todo_completed", (todo, data, back) => ({ ...todo, completed: back ? null : data.completed })],
      ["todo_reopened", (todo, data, back) => ({ ...todo, completed: back ? data.completed : null })],
      ["todo_removed", (todo, _, back) => ({ ...todo, removed: !back })],
      ["todo_restored", (todo, _, back) => ({ ...todo, removed: back })],
    ]);
    for (const field of declarations) this.#declare(field);
  }

  #declare({ name, merge, events }) {
    if (merge === "each word") {
      const put = (todo, word) => ({ ...todo, [name]: [...new Set([...todo[name], word])].sort(byCodePoint) });
      const drop = (todo, word) => ({ ...todo, [name]: todo[name].filter((each) => each !== word) });
      const [added, dropped] = events;
      this.changes.set(added, (todo, data, back) => (back ? drop : put)(todo, Object.values(data)[0]));
      this.changes.set(dropped, (todo, data, back) => (back ? put : drop)(todo, Object.values(data)[0]));
    } else if (merge === "each key") {
      this.changes.set(events[0], (todo, data, back) => {
        const value = back ? data.old : data.new;
        const others = todo[name].filter(([key]) => key !== data.key);
        const pairs = value === null ? others : [...others, [data.key, value]];
        return { ...todo, [name]: pairs.sort((one, two) => byCodePoint(one[0], two[0])) };
      });
    } else {
      this.changes.set(events[0], (todo, data, back) => ({ ...todo, [name]: back ? data.old : data.new }));
    }
  }

  // A todo as the server sends it: an array of values in the order of the attributes.
  read(attributes, values) {
    const todo = {};
    attributes.forEach((name, place) => { todo[name] = values[place]; });
    return this.#ordered(todo);
  }

  created(data) {
    const todo = { text: "", created: null };
    for (const { name, merge } of this.declared) todo[name] = merge === "newest" ? null : [];
    return this.#ordered({ ...todo, completed: null, removed: false, ...data });
  }

  after(todo, type, data) {
    if (type === "todo_created") return todo ?? (data && this.created(data));
    return this.#changed(todo, type, data, false);
  }

  before(todo, type, data) {
    return type === "todo_created" ? null : this.#changed(todo, type, data, true);
  }

  #changed(todo, type, data, back) {
    const change = this.changes.get(type);
    return todo === null || data === null || change === undefined ? todo : this.#ordered(change(todo, data, back));
  }

  // With the keys by which todos are sorted and grouped; they are computed once for each state.
  #ordered(todo) {
    todo.dueEnd = todo.due === null ? Infinity : days.end(todo.due);
    todo.waitEnd = todo.wait === null ? 0 : days.start(todo.wait);
    todo.rank = todo.priority === null ? this.priorities.length : this.priorities.indexOf(todo.priority);
    return todo;
  }

  // The names of the fields in which two states of a todo differ.
  differing(one, two) {
    if (one === two) return [];
    if (one === null || two === null) return ["text"];
    return this.names.filter((name) => !same(one[name], two[name]));
  }
}

export function same(one, two) {
  return one === two || (typeof one === "object" && one !== null && two !== null && JSON.stringify(one) === JSON.stringify(two));
}

// Strings as Python sorts them; JavaScript compares units of UTF-16.
function byCodePoint(one, two) {
  const left = [...one], right = [...two];
  for (let place = 0; place < left.length && place < right.length; place++) {
    if (left[place] !== right[place]) return left[place].codePointAt(0) - right[place].codePointAt(0);
  }
  return left.length - right.length;
}
