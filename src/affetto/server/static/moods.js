// The moods of this library: names, counts, colours for light and dark.
import { api } from "./api.js";
import { h } from "./dom.js";
import { emit } from "./state.js";
import { clean, theirs } from "./words.js";

export const moods = { list: [], model: null, ready: null };

const GREY = { light: "#77736b", dark: "#8f95a0" };

/** Ask for the moods; set their colours as --mood-0, --mood-1 … of the page. */
export function loadMoods() {
  moods.ready = ask();
  return moods.ready;
}

async function ask() {
  const answer = await api.moods();
  moods.list = answer.moods;
  moods.model = answer.model;
  const root = document.documentElement.style;
  moods.list.forEach((mood, index) => {
    root.setProperty(`--mood-${index}`, `light-dark(${mood.colour.light}, ${mood.colour.dark})`);
  });
  emit("moods");
  return moods.list;
}

export const moodIndex = (name) => moods.list.findIndex((mood) => mood.name === name);

/** A mood's colour as CSS; grey where there is none. */
export function moodColour(name) {
  const index = moodIndex(name);
  return index < 0 ? "var(--no-mood)" : `var(--mood-${index})`;
}

/** Is the page dark now? */
export const isDark = () =>
  getComputedStyle(document.documentElement).colorScheme === "dark" ||
  (getComputedStyle(document.documentElement).colorScheme !== "light" &&
    matchMedia("(prefers-color-scheme: dark)").matches);

/** Red, green and blue of what everything stands on. */
export const paper = () =>
  getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).map(Number);

/** Red, green and blue of moods by name, for those who draw; the last one is of no mood. */
export function moodPixels(names) {
  const kind = isDark() ? "dark" : "light";
  const known = new Map(moods.list.map((mood) => [mood.name, mood.colour[kind]]));
  return [...names.map((name) => known.get(name) ?? GREY[kind]), GREY[kind]].map((hex) =>
    [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)),
  );
}

/** A spot of a mood's colour. */
export const swatch = (name) =>
  h("span", { class: "swatch", "aria-hidden": "true", vars: { "--c": moodColour(name) } });

/** A mood as people read it: its colour and its name. */
export function moodTag(name, props = {}) {
  if (!name) return h("span", { class: "mood", ...props }, swatch(null), "unsure");
  return h("span", { class: "mood", ...props }, swatch(name), theirs(clean(name)));
}
