// The filters that map and list share: moods, confidence, tempo, corrections.
import { debounce, h, icon, refill } from "./dom.js";
import { moods, swatch } from "./moods.js";
import { change, clearFilters, emit, here, isFiltered, on } from "./state.js";
import { counted, number, theirs } from "./words.js";

const MOST_MOODS = 12; // chips; what is beyond is found by searching and in the list

/** The field in the head of the page: search as you type. */
export function searchField() {
  const typed = debounce((value) => {
    change({ q: value, view: here.view === "map" ? "map" : "tracks" }, { replace: true });
  }, 160);
  const field = h("input", {
    type: "search",
    id: "q",
    placeholder: "Title, artist, album",
    autocomplete: "off",
    spellcheck: "false",
    maxlength: "200",
    "aria-label": "Search your music",
    enterkeyhint: "search",
    oninput: () => typed(field.value),
    onkeydown: (event) => {
      if (event.key !== "Enter" || !field.value.trim()) return;
      change({ q: field.value, view: "tracks" });
    },
  });
  const follow = () => {
    if (document.activeElement !== field) field.value = here.q;
  };
  on("filtered", follow);
  follow();
  return [icon("search"), field];
}

/** The row above map and list. */
export function filterBar() {
  const chips = h("div", { class: "chips", role: "group", "aria-label": "Moods" });
  const sure = h(
    "select",
    { id: "f-sure", onchange: () => change({ sure: sure.value }) },
    [
      ["", "Any"],
      ["high", "Sure: 70% and more"],
      ["some", "50% and more"],
      ["low", "Unsure: below 50%"],
    ].map(([value, words]) => h("option", { value }, words)),
  );
  const tempo = debounce(() => change({ from: from.value, to: to.value }, { replace: true }), 300);
  const bpm = (id, label) =>
    h("input", {
      id,
      type: "number",
      min: "0",
      max: "400",
      step: "1",
      inputmode: "numeric",
      placeholder: label,
      "aria-label": `Tempo ${label}, BPM`,
      oninput: tempo,
    });
  const from = bpm("f-from", "from");
  const to = bpm("f-to", "to");
  const corrected = h("input", {
    id: "f-own",
    type: "checkbox",
    onchange: () => change({ corrected: corrected.checked }),
  });
  const more = h(
    "div",
    { class: "more", id: "more", hidden: true },
    h("label", { for: "f-sure" }, "How sure", sure),
    h(
      "span",
      { class: "field", role: "group", "aria-label": "Tempo" },
      h("span", {}, "Tempo"),
      from,
      "–",
      to,
      h("span", {}, "BPM"),
    ),
    h("label", { class: "check", for: "f-own" }, corrected, "Only those I corrected"),
  );
  const toggle = h(
    "button",
    {
      type: "button",
      class: "quiet",
      "aria-expanded": "false",
      "aria-controls": "more",
      onclick: () => {
        more.hidden = !more.hidden;
        toggle.setAttribute("aria-expanded", String(!more.hidden));
      },
    },
    "More filters",
  );
  const count = h("p", { class: "count", role: "status" });
  const all = h(
    "button",
    { type: "button", class: "quiet", hidden: true, onclick: clearFilters },
    "Clear",
  );
  const list = h(
    "button",
    { type: "button", class: "quiet", hidden: true, onclick: () => emit("collect") },
    "Make a playlist of these",
  );
  const root = h(
    "div",
    { class: "filters" },
    h(
      "div",
      { class: "filter-row" },
      chips,
      toggle,
      all,
      h("span", { class: "count-end" }, list, count),
    ),
    more,
  );

  const press = (name) =>
    change({
      moods: here.moods.includes(name)
        ? here.moods.filter((mood) => mood !== name)
        : [...here.moods, name],
    });

  function drawChips() {
    refill(
      chips,
      moods.list.slice(0, MOST_MOODS).map((mood) =>
        h(
          "button",
          {
            type: "button",
            class: "chip",
            "data-mood": mood.name,
            "aria-pressed": String(here.moods.includes(mood.name)),
            onclick: () => press(mood.name),
          },
          swatch(mood.name),
          theirs(mood.name),
          h("small", {}, number(mood.count)),
        ),
      ),
    );
  }

  function follow() {
    for (const chip of chips.children) {
      chip.setAttribute("aria-pressed", String(here.moods.includes(chip.dataset.mood)));
    }
    chips.classList.toggle("some", here.moods.length > 0);
    sure.value = here.sure;
    if (document.activeElement !== from) from.value = here.from;
    if (document.activeElement !== to) to.value = here.to;
    corrected.checked = here.corrected;
    if (here.sure || here.from || here.to || here.corrected) {
      more.hidden = false;
      toggle.setAttribute("aria-expanded", "true");
    }
    all.hidden = !isFiltered();
  }

  on("moods", () => {
    drawChips();
    follow();
  });
  on("filtered", follow);
  on("counted", ({ shown, total }) => {
    count.textContent =
      shown === total ? counted(total, "track") : `${number(shown)} of ${counted(total, "track")}`;
    list.hidden = shown === 0 || shown === total || !isFiltered();
  });
  drawChips();
  follow();
  return root;
}
