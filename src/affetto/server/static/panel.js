// The panel beside the view: one track, or the tracks that were picked. Closes with Escape.
import { h, iconButton, refill } from "./dom.js";
import { closeTrack, emit } from "./state.js";

const root = document.getElementById("panel");
const main = document.getElementById("main");
const narrow = matchMedia("(max-width: 60rem)");
let kind = null;
let opener = null;

export const panel = {
  open,
  close,
  scroll,
  focus,
  get kind() {
    return kind;
  },
};

/** Show content under a heading: a string, or a heading of one's own. */
function open(what, heading, content) {
  const fresh = kind !== what;
  if (root.hidden) opener = document.activeElement;
  kind = what;
  const title =
    typeof heading === "string" ? h("h2", { class: "title", tabindex: "-1" }, heading) : heading;
  const top = fresh ? 0 : root.scrollTop;
  const inside = root.contains(document.activeElement);
  refill(
    root,
    h("div", { class: "panel-head" }, title, iconButton("close", "Close", shut)),
    content,
  );
  root.setAttribute("aria-label", what === "track" ? "Track" : "Picked tracks");
  root.hidden = false;
  document.body.classList.add("with-panel");
  root.scrollTop = top;
  cover();
  // What was focused is covered or gone: the keyboard goes on in here.
  if (inside || (fresh && narrow.matches)) focus();
}

/** On a narrow screen the panel lies over the view, which then cannot be reached by keyboard. */
function cover() {
  main.inert = narrow.matches && !root.hidden;
}
narrow.addEventListener("change", cover);

function close(what) {
  if (kind !== what) return;
  const inside = root.contains(document.activeElement);
  kind = null;
  root.hidden = true;
  root.replaceChildren();
  document.body.classList.remove("with-panel");
  cover();
  if (inside) (opener?.isConnected ? opener : main).focus({ preventScroll: true });
}

function shut() {
  if (kind === "track") closeTrack();
  else emit("unpick");
}

/** Where it is scrolled to; with a number, scroll there. */
function scroll(top) {
  if (top !== undefined) root.scrollTop = top;
  return root.scrollTop;
}

/** Put the keyboard on its heading. */
function focus() {
  root.querySelector("h2")?.focus({ preventScroll: true });
}

root.addEventListener("keydown", (event) => {
  if (event.key === "Escape") shut();
});
