// A list at every moment. The present comes from the server once, and the events behind it in parts, the newest first.
//
// Each event is folded once, when it arrives: backwards from the oldest state that is known, or forwards from the newest.
// It then holds the state of its todo before and after it, so moving through time only puts these states in place, and a
// jump over 100,000 events takes a millisecond. The states are shared and never changed.

import { get } from "./api.js";

export class History {
  constructor(fields, state) {
    this.fields = fields;
    this.list = state.list;
    this.log = state.log;
    this.position = state.position; // of the last event that is known
    this.sum = state.sum; // the digest there, by which the server notices that the log was rewritten
    this.damage = state.damage;
    this.first = state.first; // the time of the first commit
    this.slots = new Map(); // by the ids of the todos
    this.ids = [];
    this.numbers = [];
    this.versions = [];
    this.now = []; // the present states
    this.states = []; // the states at the moment
    this.oldest = []; // the states before the oldest event that is known
    this.events = []; // of each todo, the newest first
    this.commits = []; // the oldest first
    this.behind = 0; // how many commits come after the moment
    this.complete = state.position === 0;
    this.chain = Promise.resolve();
    for (const [number, id, version, values] of state.todos) {
      this.#slot(id, number, version, fields.read(state.attributes, values));
    }
  }

  #slot(id, number, version, state) {
    const slot = this.ids.length;
    this.slots.set(id, slot);
    this.ids.push(id);
    this.numbers.push(number);
    this.versions.push(version);
    this.now.push(state);
    this.states.push(state);
    this.oldest.push(state);
    this.events.push([]);
    return slot;
  }

  #slotOf(id, number = 0) {
    return this.slots.get(id) ?? this.#slot(id, number, 0, null);
  }

  get eventCount() { return this.position - this.reached; } // how many events are known
  get place() { return this.commits.length - this.behind; }
  get atNow() { return this.behind === 0; }
  get commit() { return this.commits[this.place - 1] ?? null; } // the last commit up to the moment
  get reached() { return this.commits.length ? this.commits[0].position - 1 : this.complete ? 0 : this.position; }

  // The position of the moment: that of its last event.
  get momentPosition() { return this.atNow ? this.position : this.commit?.last ?? this.reached; }

  // The time that decides what is overdue at the moment.
  get time() { return this.atNow ? Date.now() : this.commit?.at ?? this.first; }

  // Loads run one after the other, because each begins where the one before it ended.
  #chained(job) {
    const done = this.chain.then(job);
    this.chain = done.catch(() => {});
    return done;
  }

  // Loads an earlier part. Returns whether there may be more.
  older() {
    return this.#chained(async () => {
      if (this.complete) return false;
      const part = await get("/deltas", { list: this.list, before: this.reached + 1 });
      this.#check(part);
      this.#prepend(part.commits);
      this.complete = !part.more;
      return part.more;
    });
  }

  // Loads what was recorded since. Returns the new commits.
  newer() {
    return this.#chained(async () => {
      const found = [];
      for (let more = true; more; ) {
        const part = await get("/deltas", { list: this.list, after: this.position, sum: this.sum });
        this.#check(part);
        if (part.position < this.position) throw new Replaced(this.list);
        this.#append(part.commits, part.numbers, found);
        this.sum = part.sum;
        more = part.more;
      }
      return found;
    });
  }

  #check(part) {
    if (this.log === "null" && this.position === 0) this.log = part.log; // the list was made meanwhile
    if (part.log !== this.log) throw new Replaced(this.list);
  }

  #prepend(written) {
    const { fields, oldest } = this;
    const added = new Array(written.length);
    let time = this.commits[0]?.time ?? Infinity;
    for (let place = 0; place < written.length; place++) { // the newest first
      const [position, last, at, by, command, because, changes] = written[place];
      time = Math.min(time, at);
      const commit = { position, last, at, time, by, command, because, events: new Array(changes.length) };
      for (let number = changes.length - 1; number >= 0; number--) {
        const [id, type, data] = changes[number];
        const slot = id === "" ? -1 : this.#slotOf(id);
        const event = { commit, slot, type, data, before: null, after: null };
        commit.events[number] = event;
        if (slot < 0) continue;
        event.after = oldest[slot];
        event.before = oldest[slot] = fields.before(event.after, type, data);
        this.events[slot].push(event);
      }
      added[written.length - 1 - place] = commit;
    }
    this.commits = added.concat(this.commits);
  }

  #append(written, numbers, found) {
    const { fields, now } = this;
    for (const [position, last, at, by, command, because, changes] of written) {
      if (position <= this.position) continue;
      // a clock that was set back: what was recorded before counts from then on, as on the command line
      for (let place = this.commits.length - 1; place >= 0 && this.commits[place].time > at; place--) this.commits[place].time = at;
      const commit = { position, last, at, time: at, by, command, because, events: [] };
      for (const [id, type, data] of changes) {
        const slot = id === "" ? -1 : this.#slotOf(id, numbers[id]);
        const event = { commit, slot, type, data, before: null, after: null };
        commit.events.push(event);
        if (slot < 0) continue;
        event.before = now[slot];
        event.after = now[slot] = fields.after(event.before, type, data);
        if (this.atNow) this.states[slot] = event.after;
        this.versions[slot]++;
        this.events[slot].unshift(event);
      }
      this.first ??= at;
      this.commits.push(commit);
      if (!this.atNow) this.behind++;
      this.position = last;
      found.push(commit);
    }
  }

  // Moves to the moment after so many commits of those that are known.
  move(place) {
    place = Math.max(0, Math.min(this.commits.length, place));
    const { commits, states } = this;
    for (let at = this.place; at < place; at++) {
      for (const event of commits[at].events) if (event.slot >= 0) states[event.slot] = event.after;
    }
    for (let at = this.place - 1; at >= place; at--) {
      const { events } = commits[at];
      for (let number = events.length - 1; number >= 0; number--) {
        const event = events[number];
        if (event.slot >= 0) states[event.slot] = event.before;
      }
    }
    this.behind = commits.length - place;
  }

  // How many commits were recorded up to a time, or begin at or before a position.
  placeAt(time) { return this.#search((commit) => commit.time <= time); }
  placeOf(position) { return this.#search((commit) => commit.position <= position); }

  #search(wanted) {
    let low = 0, high = this.commits.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (wanted(this.commits[middle])) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // The events of a todo up to the moment, the newest first.
  * eventsOf(slot) {
    const until = this.momentPosition;
    for (const event of this.events[slot]) if (event.commit.position <= until) yield event;
  }

  // Who set each field of a todo, and when, as far as the events are known.
  blame(slot) {
    const found = new Map();
    for (const event of this.eventsOf(slot)) {
      for (const name of this.fields.differing(event.before ?? this.fields.created({}), event.after)) {
        if (!found.has(name)) found.set(name, event);
      }
    }
    return found;
  }
}

export class Replaced extends Error {
  constructor(list) {
    super(`${list} is not the list that it was: it was replaced, or rewritten.`);
    this.code = "CONFLICT";
    this.hint = "Load it anew.";
  }
}
