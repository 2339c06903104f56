// Days and instants. A whole day belongs to the time zone of the browser.

const WEEKDAY = new Intl.DateTimeFormat("en-GB", { weekday: "short" });
const MONTH_DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const FULL_DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const TIME_SECONDS = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

const isDay = (value) => value.length === 10;
const remembered = new Map(); // many todos are due on the same day

function midnight(day) {
  const [year, month, date] = day.split("-").map(Number);
  const found = new Date(2000, 0, 1);
  found.setFullYear(year, month - 1, date); // the constructor reads years below 100 as those of the last century
  return found;
}

function limits(value) {
  let found = remembered.get(value);
  if (found === undefined) {
    if (isDay(value)) {
      const start = midnight(value);
      const end = new Date(start);
      end.setDate(end.getDate() + 1);
      found = [start.getTime(), end.getTime() - 1];
    } else {
      const instant = Date.parse(value);
      found = [instant, instant];
    }
    if (remembered.size > 50_000) remembered.clear();
    remembered.set(value, found);
  }
  return found;
}

export const days = {
  start: (value) => limits(value)[0],
  end: (value) => limits(value)[1],
  startOfDay(time) {
    const day = new Date(time);
    day.setHours(0, 0, 0, 0);
    return day.getTime();
  },
  nextDay(time) {
    const day = new Date(time);
    day.setHours(24, 0, 0, 0);
    return day.getTime();
  },
};

// As people say it: yesterday, today 17:00, Fri, 24 Dec, 5 Jan 2027.
export function relative(value, now) {
  const start = days.start(value);
  const distance = Math.round((days.startOfDay(start) - days.startOfDay(now)) / 86_400_000);
  const date = new Date(start);
  let name;
  if (distance >= -1 && distance <= 1) name = ["yesterday", "today", "tomorrow"][distance + 1];
  else if (distance > 1 && distance < 7) name = WEEKDAY.format(date);
  else if (date.getFullYear() === new Date(now).getFullYear()) name = MONTH_DAY.format(date);
  else name = FULL_DAY.format(date);
  return isDay(value) ? name : `${name} ${TIME.format(date)}`;
}

export function instant(time, { seconds = false } = {}) {
  const date = new Date(time);
  return `${WEEKDAY.format(date)} ${FULL_DAY.format(date)}, ${(seconds ? TIME_SECONDS : TIME).format(date)}`;
}

// A value of a field as it can be typed.
export function typed(value) {
  if (isDay(value)) return value;
  const date = new Date(value);
  const two = (number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

export function dayLabel(time, span) {
  return span > 300 * 86_400_000 ? FULL_DAY.format(new Date(time)) : MONTH_DAY.format(new Date(time));
}

export { TIME };
