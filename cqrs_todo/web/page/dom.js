// Elements. Text goes into the page only as text; the one exception is `note`.

export const find = (id) => document.getElementById(id);

// Characters that hide, or that reverse what is around them, are shown as on the terminal: a text must not look like another.
const UNSEEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
export const visible = (text) =>
  text.replace(UNSEEN, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);

// The attributes that people read or hear.
const isRead = (name) => name === "title" || name.startsWith("aria-");

// Sets an attribute, in which no character may hide either if people read it.
export function setAttribute(node, name, value) {
  node.setAttribute(name, isRead(name) ? visible(String(value)) : value);
}

export function element(tag, values = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(values)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else setAttribute(made, name, value === true ? "" : value);
  }
  const present = children.filter((child) => child !== null && child !== undefined);
  made.append(...present.map((child) => (typeof child === "string" ? visible(child) : child)));
  return made;
}

// A note as HTML, which the server has sanitised. No other code can make HTML: the policy of the page forbids it.
const policy = window.trustedTypes?.createPolicy("note", { createHTML: (html) => html });

export function note(html) {
  const made = element("div", { class: "note" });
  made.innerHTML = policy ? policy.createHTML(html) : html;
  const texts = document.createTreeWalker(made, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) texts.currentNode.data = visible(texts.currentNode.data);
  for (const link of made.querySelectorAll("a")) link.target = "_blank";
  return made;
}
