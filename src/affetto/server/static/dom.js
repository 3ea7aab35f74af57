// Elements made from text, never from markup: whatever a stranger wrote stays text.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, props, children) {
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "vars") {
      // Set through the object model: a style attribute is what the page's policy forbids.
      for (const [name, setting] of Object.entries(value)) node.style.setProperty(name, setting);
    } else if (key === "value" || key === "checked" || key === "disabled" || key === "hidden") {
      node[key] = value;
    } else node.setAttribute(key, value === true ? "" : value);
  }
  put(node, children);
  return node;
}

/** Make an element: h("p", { class: "note" }, "words", otherElement). */
export function h(name, props = {}, ...children) {
  return fill(document.createElement(name), props, children);
}

/** Make an element of a picture. */
export function s(name, props = {}, ...children) {
  return fill(document.createElementNS(SVG, name), props, children);
}

/** Append children; arrays are flattened, nothing is left out but null, undefined and false. */
export function put(node, ...children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  return node;
}

/** Replace what a node holds. */
export function refill(node, ...children) {
  node.replaceChildren();
  return put(node, ...children);
}

/** A sign from the page's own set; decoration, so it has no name. */
export function icon(name) {
  return s("svg", { class: "icon", "aria-hidden": "true" }, s("use", { href: `#i-${name}` }));
}

/** A button with a sign and a name that is read and shown on hovering. */
export function iconButton(name, label, onclick, props = {}) {
  return h(
    "button",
    { type: "button", class: "sign", title: label, "aria-label": label, onclick, ...props },
    icon(name),
  );
}

/** Call after a pause: the last of many calls counts. */
export function debounce(call, pause_ms) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...values), pause_ms);
  };
}

/** Call once a frame at most. */
export function eachFrame(call) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame((now) => {
      asked = false;
      call(now);
    });
  };
}
