// The time slider: the events as marks of a histogram, and a thumb at the moment.

import { dayLabel, days, instant } from "./dates.js";
import { find } from "./dom.js";

const LABEL_WIDTH = 92;

export class Timeline {
  constructor(handlers) {
    this.slider = find("slider");
    this.canvas = find("histogram");
    this.thumb = find("thumb");
    this.handlers = handlers;
    this.history = null;
    this.marks = null;
    new ResizeObserver(() => this.measure()).observe(this.slider);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.measure());
    this.slider.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.slider.setPointerCapture(event.pointerId);
      this.slider.focus({ preventScroll: true });
      this.dragging = true;
      this.#drag(event);
    });
    this.slider.addEventListener("pointermove", (event) => { if (this.dragging) this.#drag(event); });
    for (const end of ["pointerup", "pointercancel"]) {
      this.slider.addEventListener(end, () => { this.dragging = false; });
    }
    this.slider.addEventListener("keydown", (event) => this.#key(event));
  }

  #drag(event) {
    const { history } = this;
    if (!history) return;
    const { left, width } = this.slider.getBoundingClientRect();
    const part = Math.max(0, Math.min(1, (event.clientX - left) / width));
    const time = this.start + part * this.span;
    if (part >= 0.998) this.handlers.move(history.commits.length);
    else this.handlers.move(history.placeAt(time), time);
  }

  #key(event) {
    const { history } = this;
    if (!history || event.ctrlKey || event.altKey || event.metaKey) return;
    const to = {
      ArrowLeft: () => history.place - 1,
      ArrowDown: () => history.place - 1,
      ArrowRight: () => history.place + 1,
      ArrowUp: () => history.place + 1,
      PageDown: () => this.#dayBefore(),
      PageUp: () => this.#dayAfter(),
      Home: () => 0,
      End: () => history.commits.length,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.handlers.move(to(), event.key === "Home" ? history.first : undefined);
  }

  // The last change before the day of the moment begins, and the last one of the next day that has any.
  #dayBefore() {
    const { history } = this;
    return history.placeAt(days.startOfDay(history.commit?.time ?? history.first ?? 0) - 1);
  }

  #dayAfter() {
    const { history } = this;
    const next = history.commits[history.place];
    return next === undefined ? history.commits.length : history.placeAt(days.nextDay(next.time) - 1);
  }

  // Takes another list, or more of its events.
  update(history) {
    this.history = history;
    const { commits } = history;
    this.start = history.first ?? Date.now();
    const end = Math.max(commits.at(-1)?.time ?? this.start, this.start);
    this.span = Math.max(1, (end - this.start) * 1.004); // so that the last mark is not the end, which is now
    this.slider.setAttribute("aria-valuemax", commits.length);
    this.measure();
  }

  measure() {
    const { slider, canvas, history } = this;
    const width = Math.max(1, slider.clientWidth), height = Math.max(1, slider.clientHeight);
    const scale = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    this.width = width;
    if (!history) return;
    const counts = new Uint32Array(Math.ceil(width / 3));
    let most = 1;
    for (const commit of history.commits) {
      const column = Math.min(counts.length - 1, Math.floor(((commit.time - this.start) / this.span) * counts.length));
      most = Math.max(most, (counts[Math.max(0, column)] += commit.events.length));
    }
    this.#paint(counts, most, width, height, scale);
    this.draw();
  }

  #paint(counts, most, width, height, scale) {
    const style = getComputedStyle(this.slider);
    const context = this.canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const labels = 14;
    context.font = `11px ${style.fontFamily}`;
    context.fillStyle = style.getPropertyValue("--faint");
    context.textBaseline = "bottom";
    let free = 0;
    for (const [time, label] of this.#ticks(width)) {
      const x = ((time - this.start) / this.span) * width;
      context.fillRect(Math.round(x), height - labels, 1, 4);
      const size = context.measureText(label).width;
      if (x + 4 >= free && x + 4 + size <= width) {
        context.fillText(label, x + 4, height);
        free = x + size + 16;
      }
    }
    context.fillStyle = style.getPropertyValue("--bars");
    const tallest = height - labels - 4;
    counts.forEach((count, column) => {
      if (!count) return;
      const size = Math.max(2, (Math.log1p(count) / Math.log1p(most)) * tallest);
      context.fillRect(column * 3, height - labels - size, 2, size);
    });
    if (!this.history.complete) { // what is not loaded yet
      const end = ((this.history.commits[0]?.time ?? this.start + this.span) - this.start) / this.span;
      context.fillStyle = style.getPropertyValue("--hatch");
      context.fillRect(0, 0, end * width, height - labels);
    }
  }

  // The beginnings of days, weeks, months or years, as far apart as their labels need.
  #ticks(width) {
    const least = (this.span / width) * LABEL_WIDTH;
    const found = [];
    const day = new Date(days.nextDay(this.start));
    const DAY = 86_400_000;
    let step;
    if (least <= DAY) step = () => day.setDate(day.getDate() + 1);
    else if (least <= 7 * DAY) step = () => day.setDate(day.getDate() + 7);
    else {
      const months = least <= 31 * DAY ? 1 : least <= 92 * DAY ? 3 : 12 * Math.ceil(least / (366 * DAY));
      day.setDate(1);
      day.setMonth(day.getMonth() + 1);
      if (months >= 12) day.setMonth(12);
      step = () => day.setMonth(day.getMonth() + months);
    }
    for (; day.getTime() < this.start + this.span && found.length < 200; step()) {
      found.push([day.getTime(), dayLabel(day.getTime(), this.span)]);
    }
    return found;
  }

  // Puts the thumb at the moment.
  draw() {
    const { history, slider } = this;
    if (!history || !this.width) return;
    const commit = history.commit;
    const part = history.atNow ? 1 : commit ? (commit.time - this.start) / this.span : 0;
    const x = Math.max(0, Math.min(1, part)) * this.width;
    this.thumb.style.transform = `translateX(${x}px)`;
    slider.setAttribute("aria-valuenow", history.place);
    slider.setAttribute("aria-valuetext", momentInWords(history));
  }
}

export function momentInWords(history) {
  if (history.atNow) return "now";
  const commit = history.commit;
  if (commit === null) return history.complete ? "before the first change" : `before @${history.reached + 1}`;
  return `${instant(commit.at, { seconds: true })} (@${commit.position})`;
}
