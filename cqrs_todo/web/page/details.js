// One todo: its fields, which can be edited, its note, who set what, and its history.

import { graphql, post } from "./api.js";
import { element, find, note } from "./dom.js";
import * as words from "./words.js";

const SHOWN_EVENTS = 50;
const COVERS = matchMedia("(max-width: 899px)"); // where the details cover everything else

export class Details {
  constructor(handlers) {
    this.panel = find("details");
    this.handlers = handlers;
    this.slot = null;
    COVERS.addEventListener("change", () => this.#cover());
  }

  // What is covered cannot be reached by keyboard.
  #cover() {
    for (const part of document.querySelectorAll(".top, .past, .todos, .time")) part.inert = this.isOpen && COVERS.matches;
  }

  get isOpen() { return this.slot !== null; }

  open(slot, context, editing) {
    this.slot = slot;
    this.panel.hidden = false;
    this.#cover();
    this.#fill(context);
    const focused = editing ? this.panel.querySelector("input, textarea") : this.panel.querySelector("h2");
    if (editing && context.editable) focused.focus();
    if (editing && context.editable) focused.select?.();
  }

  close() {
    if (!this.isOpen) return;
    this.slot = null;
    this.panel.hidden = true;
    this.panel.replaceChildren();
    this.#cover();
    this.handlers.closed();
  }

  // Shows what changed, unless the person is changing something.
  update(context) {
    if (!this.isOpen) return;
    const { history } = context;
    if (history.states[this.slot] == null) {
      this.close();
      return;
    }
    const key = this.#key(context);
    if (key === this.key) return;
    if (this.isChanged) {
      if (history.states[this.slot] !== this.state) this.warning.hidden = false;
      return;
    }
    const focused = this.panel.contains(document.activeElement) ? document.activeElement.name : null;
    this.#fill(context);
    if (focused) this.panel.querySelector(`[name="${CSS.escape(focused)}"]`)?.focus();
  }

  #key({ history, editable }) {
    return [history.position, history.momentPosition, history.complete, editable, history.list].join(" ");
  }

  get isChanged() {
    return [...this.panel.querySelectorAll("[data-field]")].some((input) => input.value !== input.dataset.before);
  }

  #fill(context) {
    const { history, editable, label } = context;
    const { slot } = this;
    const { fields } = history;
    this.key = this.#key(context);
    this.context = context;
    this.state = history.states[slot];
    const { state } = this;
    this.version = history.versions[slot];
    const origins = history.blame(slot);
    this.warning = element("p", { class: "notice", role: "alert", hidden: true }, "Somebody changed this todo meanwhile, so what you typed cannot be saved. Cancel shows the todo as it is now.");
    const form = element("form", { class: "fields", onsubmit: (event) => { event.preventDefault(); this.#save(); } },
      ...fields.declared.filter((field) => field.name === "text" || field.options.length)
        .map((field) => this.#input(field, state, label, editable, origins.get(field.name))));
    this.buttons = element("div", { class: "buttons" },
      element("button", { class: "primary", disabled: !editable }, "Save"),
      element("button", { type: "button", onclick: () => this.#fill(this.context) }, "Cancel"),
      element("button", { type: "button", disabled: !editable, onclick: () => this.handlers.toggle(slot) }, state.completed === null ? "Complete" : "Reopen"),
      element("button", { type: "button", class: "danger", disabled: !editable, onclick: () => this.handlers.remove(slot) }, state.removed ? "Restore" : "Remove"));
    form.append(this.warning, this.buttons);
    const completed = state.completed === null ? null
      : element("p", { class: "meta" }, `Completed ${words.shown({ kind: "instant" }, state.completed, label)}${by(origins.get("completed"))}`);
    const rendered = element("div", { class: "rendered" });
    const list = element("ol", { class: "events" });
    let count = 0;
    for (const event of history.eventsOf(slot)) {
      if (count++ === SHOWN_EVENTS) break;
      list.append(element("li", {},
        element("button", { type: "button", class: "position", title: "Show the list after this change", onclick: () => this.handlers.goTo(event.commit.position) }, `@${event.commit.position}`),
        element("span", {}, ` ${words.change(event, fields, label)} `), element("small", {}, words.who(event))));
    }
    this.panel.replaceChildren(
      element("div", { class: "bar" },
        element("h2", { tabindex: "-1" }, `Todo ${history.numbers[slot]}`),
        element("button", { type: "button", class: "close", "aria-label": "Close the details", onclick: () => this.close() }, "×")),
      form, ...(completed ? [completed] : []), rendered,
      element("h3", {}, history.complete ? "History" : "History, as far as it is loaded"), list);
    if (state.note !== null) this.#showNote(rendered, state);
  }

  #input(field, state, label, editable, origin) {
    const id = `field-${field.name}`;
    const value = words.editable(field, state[field.name], label);
    const several = field.kind === "note" || field.kind === "attributes" || field.kind === "text";
    const options = { id, name: field.name, "data-field": field.name, "aria-describedby": `${id}-by`, readonly: !editable, autocomplete: "off" };
    const input = field.kind === "choice"
      ? element("select", { ...options, disabled: !editable }, element("option", { value: "" }, "none"),
        ...field.choices.map((choice) => element("option", { value: choice }, choice)))
      : element(several ? "textarea" : "input", { ...options, rows: several ? (field.kind === "note" ? 4 : 2) : null });
    input.value = value;
    input.dataset.before = value;
    if (field.kind === "text") {
      input.addEventListener("keydown", (event) => {
        if (event.key === "Enter") { // a text has one line
          event.preventDefault();
          this.#save();
        }
      });
    }
    return element("div", { class: `field of-${field.name}` },
      element("label", { for: id, title: field.help }, field.name), input,
      element("small", { id: `${id}-by`, class: "by" }, origin ? words.who(origin) : ""));
  }

  async #showNote(place, { note: text }) {
    try {
      const { html } = await post("/note", { note: text });
      if (this.state?.note === text) place.replaceChildren(element("h3", {}, "Note"), note(html));
    } catch {
      place.replaceChildren(element("h3", {}, "Note"), element("pre", {}, text));
    }
  }

  async #save() {
    const changes = {};
    for (const input of this.panel.querySelectorAll("[data-field]")) {
      if (input.value === input.dataset.before) continue;
      const field = this.context.history.fields.byName.get(input.dataset.field);
      changes[camel(field.name)] = written(field, input.value, input.dataset.before);
    }
    if (!Object.keys(changes).length) {
      this.close();
      return;
    }
    await this.handlers.save(this.slot, changes, this.version);
  }

  // What was typed is kept if it was not saved.
  saved(context) {
    if (this.isOpen) this.#fill(context);
  }
}

function by(origin) {
  return origin ? ` · ${words.who(origin)}` : "";
}

const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());

// What the server reads as the new value of a field.
function written({ kind, marker }, text, before) {
  const parts = text.split(kind === "attributes" ? "\n" : /[\s,]+/).map((part) => part.trim()).filter(Boolean);
  if (kind === "words" || kind === "todos") return parts.map((part) => (part.startsWith(marker) ? part.slice(marker.length) : part));
  if (kind === "attributes") {
    const pairs = new Map(parts.map((part) => [part.split(":", 1)[0], part.slice(part.indexOf(":") + 1).trim()]));
    for (const line of before.split("\n").filter(Boolean)) {
      const key = line.split(":", 1)[0];
      if (!pairs.has(key)) pairs.set(key, null);
    }
    return [...pairs].map(([key, value]) => ({ key, value }));
  }
  return text.trim() === "" ? null : text.trim();
}

export const SAVE = `mutation Save($list: String, $ids: [ID!], $changes: Changes!, $version: Int) {
  change(list: $list, ids: $ids, changes: $changes, command: { expectedVersion: $version }) { position commits commit { command } } }`;

export function save(list, id, changes, version) {
  return graphql(SAVE, { list, ids: [id], changes, version });
}
