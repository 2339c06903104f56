// Elements. Text goes into the page only as text; the one exception is `note`.

export const find = (id) => document.getElementById(id);

export function element(tag, values = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(values)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// A note as HTML, which the server has sanitised. No other code can make HTML: the policy of the page forbids it.
const policy = window.trustedTypes?.createPolicy("note", { createHTML: (html) => html });

export function note(html) {
  const made = element("div", { class: "note" });
  made.innerHTML = policy ? policy.createHTML(html) : html;
  for (const link of made.querySelectorAll("a")) link.target = "_blank";
  return made;
}
