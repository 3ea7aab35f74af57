// What the page says: to all on a banner or for a moment, and to those who listen to it.
import { h, icon } from "./dom.js";

const place = document.getElementById("notices");
const live = document.getElementById("live");

/** Read out, without showing it. */
export function say(words) {
  // The same words twice are read only if they change in between.
  live.textContent = live.textContent === words ? `${words}\u00a0` : words;
}

/** Show for some seconds, with something to undo it where there is. */
export function toast(words, { action, label, bad = false } = {}) {
  place.querySelector(".toast")?.remove();
  const box = h("div", { class: bad ? "toast bad" : "toast" }, h("span", {}, words));
  const away = () => box.remove();
  let timer = setTimeout(away, action || bad ? 9000 : 4500);
  box.addEventListener("pointerenter", () => clearTimeout(timer));
  box.addEventListener("focusin", () => clearTimeout(timer));
  box.addEventListener("pointerleave", () => (timer = setTimeout(away, 3000)));
  if (action) {
    box.append(
      h(
        "button",
        {
          type: "button",
          class: "quiet",
          onclick: () => {
            away();
            action();
          },
        },
        label,
      ),
    );
  }
  box.append(
    h(
      "button",
      { type: "button", class: "sign small", "aria-label": "Dismiss", onclick: away },
      icon("close"),
    ),
  );
  place.append(box);
  say(words);
}

/** Show what went wrong, and what to do about it. */
export function complain(error) {
  if (error?.name === "AbortError") return;
  const words = sentence(error.message);
  toast(error.todo ? `${words} ${sentence(error.todo)}` : words, { bad: true });
}

/** A banner that stays until it is taken away. */
export function banner(name, words) {
  clearBanner(name);
  place.prepend(h("div", { class: "banner", role: "alert", "data-name": name }, words));
}

export function clearBanner(name) {
  for (const box of place.querySelectorAll(".banner")) {
    if (box.dataset.name === name) box.remove();
  }
}

/** Capital first, full stop last. */
export function sentence(words) {
  const text = String(words ?? "");
  return text && `${text[0].toUpperCase()}${text.slice(1)}${/[.!?…]$/.test(text) ? "" : "."}`;
}

/** An error in place of what could not be shown, with a way to try again. */
export function failure(error, again) {
  return h(
    "div",
    { class: "failure" },
    h("p", { class: "lead" }, sentence(error.message)),
    error.todo && h("p", {}, sentence(error.todo)),
    again && h("button", { type: "button", onclick: again }, "Try again"),
  );
}
