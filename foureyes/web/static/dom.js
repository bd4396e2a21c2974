// Elements, made and kept. What is read from a picture, a log or an exception is data: it is only ever set as text.

const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
const MOST_CHARS = 2000;

/** A text as it is safe to show: what cannot be seen, or turns the direction of writing, stands as its code. */
export function plain(text) {
  const whole = String(text);
  const cut = whole.length > MOST_CHARS ? `${whole.slice(0, MOST_CHARS)}…` : whole;
  return cut.replace(UNSEEN, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : plain(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined)
    .map((child) => (child instanceof Node ? child : plain(child))));
  return element;
}

/** An element with attributes, listeners (`onclick`) and children; what is no element becomes text. */
export const h = (tag, props = {}, ...children) => filled(document.createElement(tag), props, children);

/** The same for SVG. */
export const s = (tag, props = {}, ...children) =>
  filled(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);

export const byId = (id) => document.getElementById(id);

/** Set a text only where it is another one, so that nobody is told twice. */
export function say(element, text) {
  const shown = plain(text ?? "");
  if (element.textContent !== shown) element.textContent = shown;
}

/** Set or take away an attribute. */
export function mark(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value === true ? "" : plain(value));
}

/** Keep one child for each item, in their order; an element lives as long as its key, so focus stays where it is. */
export function keyed(parent, items, keyOf, make, update = () => {}) {
  const before = new Map([...parent.children].map((child) => [child.keyOfItem, child]));
  let at = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let child = before.get(key);
    if (child === undefined) {
      child = make(item);
      child.keyOfItem = key;
    }
    before.delete(key);
    if (child === at) at = at.nextElementSibling;
    else parent.insertBefore(child, at);
    update(child, item);
  }
  for (const gone of before.values()) gone.remove();
}
