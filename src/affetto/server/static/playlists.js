// Playlists: one a mood, mixes by rule, and journeys from one mood to another.
import { api } from "./api.js";
import { h, refill } from "./dom.js";
import { moodColour, moodPixels, moods, moodTag, paper } from "./moods.js";
import { failure } from "./notices.js";
import { Overlay } from "./overlay.js";
import { columns, Plot } from "./plot.js";
import { asker } from "./preview.js";
import { on } from "./state.js";
import { counted, span, theirs } from "./words.js";

const HINTS = {
  mood: "Choose a mood to see its tracks, the surest first.",
  mix: "Say what should be in it, and see what comes of it here.",
  journey: "Say where it starts and where it leads; the way is drawn on the map.",
};

/** The view. */
export function playlistsView() {
  const place = h("div", { class: "result" });
  const ask = asker(place);
  const map = journeyMap();
  const cards = h("div", { class: "cards" });
  const kinds = { mood: h("div", {}, cards), mix: h("div", {}), journey: h("div", {}) };
  const tabs = [
    ["mood", "One mood"],
    ["mix", "A mix"],
    ["journey", "A journey"],
  ].map(([key, words]) =>
    h(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${key}`,
        "aria-controls": `kind-${key}`,
        onclick: () => choose(key),
      },
      words,
    ),
  );
  const tablist = h(
    "div",
    { class: "tablist", role: "tablist", "aria-label": "Kind of playlist" },
    tabs,
  );
  for (const [key, node] of Object.entries(kinds)) {
    for (const [name, value] of [
      ["id", `kind-${key}`],
      ["role", "tabpanel"],
      ["aria-labelledby", `tab-${key}`],
    ])
      node.setAttribute(name, value);
  }
  const root = h(
    "section",
    { class: "page", "aria-label": "Playlists" },
    h("h1", {}, "Playlists"),
    h(
      "div",
      { class: "columns" },
      h("div", {}, tablist, Object.values(kinds)),
      h("div", { class: "outcome" }, map.root, place),
    ),
  );

  let chosen = "mood";
  let seed = 0;

  function choose(key, { focus = false } = {}) {
    chosen = key;
    tabs.forEach((tab) => {
      const mine = tab.id === `tab-${key}`;
      tab.setAttribute("aria-selected", String(mine));
      tab.tabIndex = mine ? 0 : -1;
      if (mine && focus) tab.focus();
    });
    for (const [name, node] of Object.entries(kinds)) node.hidden = name !== key;
    map.root.hidden = key !== "journey";
    refill(place, h("p", { class: "note hint" }, HINTS[key]));
    if (key === "journey") map.show();
  }

  tablist.addEventListener("keydown", (event) => {
    const names = Object.keys(kinds);
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    choose(names[(names.indexOf(chosen) + by + names.length) % names.length], { focus: true });
  });

  async function loadCards() {
    try {
      const { playlists } = await api.playlists();
      refill(
        cards,
        playlists.length
          ? playlists.map(({ mood, count, minutes }) =>
              h(
                "button",
                {
                  type: "button",
                  class: "card",
                  disabled: count === 0,
                  vars: { "--c": moodColour(mood) },
                  onclick: () => {
                    for (const card of cards.children) card.removeAttribute("aria-current");
                    [...cards.children]
                      .find((card) => card.dataset.mood === mood)
                      ?.setAttribute("aria-current", "true");
                    ask({ kind: "mood", mood }, reveal);
                  },
                  "data-mood": mood,
                },
                h("strong", {}, theirs(mood)),
                h("span", {}, `${counted(count, "track")}, ${span(minutes)}`),
              ),
            )
          : h("p", { class: "note" }, "There is no music yet."),
      );
    } catch (error) {
      refill(cards, failure(error, loadCards));
    }
  }

  // On a narrow screen what came out lies below what was asked.
  const reveal = () => {
    if (matchMedia("(max-width: 60rem)").matches) place.scrollIntoView({ block: "start" });
  };

  function drawForms() {
    refill(
      kinds.mix,
      mixForm(
        (body) => ask({ kind: "mix", seed, ...body }, reveal),
        () => (seed += 1),
      ),
    );
    refill(
      kinds.journey,
      journeyForm(
        (body) =>
          ask({ kind: "journey", seed, ...body }, (answer) => {
            map.route(answer.tracks);
            if (matchMedia("(max-width: 60rem)").matches)
              map.root.scrollIntoView({ block: "start" });
          }),
        () => (seed += 1),
      ),
    );
  }

  on("changed", () => root.hidden || loadCards());
  on("corrected", () => root.hidden || loadCards());
  choose("mood");
  return {
    root,
    title: "Playlists",
    async show() {
      await moods.ready?.catch(() => {});
      if (!kinds.mix.childElementCount || drawn !== moodKey()) drawForms();
      drawn = moodKey();
      loadCards();
      if (chosen === "journey") map.show();
    },
  };
}

let drawn = "";
const moodKey = () => moods.list.map(({ name }) => name).join("\n");

// --- Forms -------------------------------------------------------------------------------

const field = (id, words, control, after) =>
  h(
    "p",
    { class: "line" },
    h("label", { for: id }, words),
    h("span", {}, control, after && h("span", { class: "note" }, ` ${after}`)),
  );

const figure = (id, props) => h("input", { id, type: "number", inputmode: "numeric", ...props });

const optional = (input) => (input.value === "" ? undefined : Number(input.value));

function mixForm(ask, reseed) {
  const boxes = moods.list.map(({ name, count }, index) =>
    h(
      "label",
      { class: "check", for: `mix-${index}` },
      h("input", {
        type: "checkbox",
        id: `mix-${index}`,
        value: name,
        checked: index === 0 && count > 0,
      }),
      moodTag(name),
    ),
  );
  const n = figure("mix-n", { min: "1", max: "500", value: "30", required: true });
  const sure = h(
    "select",
    { id: "mix-sure" },
    [
      ["0", "any"],
      ["0.5", "at least 50%"],
      ["0.7", "at least 70%"],
      ["0.85", "at least 85%"],
    ].map(([value, words]) => h("option", { value }, words)),
  );
  const from = figure("mix-from", { min: "0", max: "400", placeholder: "from" });
  const to = figure("mix-to", {
    min: "0",
    max: "400",
    placeholder: "to",
    "aria-label": "Tempo to",
  });
  const each = figure("mix-each", { min: "1", max: "100", placeholder: "any" });
  const form = h(
    "form",
    {
      class: "form",
      onsubmit: (event) => {
        event.preventDefault();
        const chosen = [...form.querySelectorAll("input[type=checkbox]:checked")].map(
          ({ value }) => value,
        );
        ask({
          moods: chosen.length ? chosen : undefined,
          n: Number(n.value),
          min_confidence: Number(sure.value) || undefined,
          min_tempo: optional(from),
          max_tempo: optional(to),
          per_artist: optional(each),
        });
      },
    },
    h("fieldset", {}, h("legend", {}, "Moods"), h("div", { class: "checks" }, boxes)),
    field("mix-n", "Tracks", n),
    field("mix-sure", "How sure", sure),
    h(
      "p",
      { class: "line" },
      h("label", { for: "mix-from" }, "Tempo"),
      h("span", {}, from, " – ", to, h("span", { class: "note" }, " BPM")),
    ),
    field("mix-each", "An artist at most", each, "times"),
    h(
      "p",
      { class: "buttons" },
      h("button", { type: "submit", class: "primary" }, "Make the mix"),
      h(
        "button",
        {
          type: "button",
          class: "quiet",
          onclick: () => {
            reseed();
            form.requestSubmit();
          },
        },
        "Draw again",
      ),
    ),
  );
  return form;
}

function journeyForm(ask, reseed) {
  const pick = (id, first) =>
    h(
      "select",
      { id },
      moods.list
        .filter(({ count }) => count > 0)
        .map(({ name }, index, all) =>
          h(
            "option",
            { value: name, selected: index === (first < 0 ? all.length + first : first) },
            name,
          ),
        ),
    );
  const from = pick("j-from", Math.min(2, moods.list.filter(({ count }) => count > 0).length - 1));
  const to = pick("j-to", -1);
  const through = h(
    "select",
    { id: "j-through" },
    h("option", { value: "" }, "straight there"),
    moods.list
      .filter(({ count }) => count > 0)
      .map(({ name }) => h("option", { value: name }, name)),
  );
  const n = figure("j-n", { min: "3", max: "200", value: "12", required: true });
  const form = h(
    "form",
    {
      class: "form",
      onsubmit: (event) => {
        event.preventDefault();
        ask({
          from: from.value,
          through: through.value || undefined,
          to: to.value,
          n: Number(n.value),
        });
      },
    },
    h(
      "p",
      { class: "note" },
      "Tracks that lead from one mood to another in even steps, each close to the one before.",
    ),
    field("j-from", "From", from),
    field("j-through", "By way of", through),
    field("j-to", "To", to),
    field("j-n", "Tracks", n),
    h(
      "p",
      { class: "buttons" },
      h("button", { type: "submit", class: "primary" }, "Plan the journey"),
      h(
        "button",
        {
          type: "button",
          class: "quiet",
          onclick: () => {
            reseed();
            form.requestSubmit();
          },
        },
        "Another way",
      ),
    ),
  );
  return form;
}

// --- The journey on the map --------------------------------------------------------------

function journeyMap() {
  const canvas = h("canvas", { "aria-hidden": "true" });
  const plot = new Plot(canvas);
  plot.back = "own";
  const over = new Overlay(plot);
  const root = h(
    "div",
    {
      class: "journey-map",
      hidden: true,
      role: "img",
      "aria-label": "The journey on the mood map",
    },
    canvas,
    over.names,
    ...["sad", "bright", "lively", "calm"].map((word) =>
      h("span", { class: `axis ${word}`, "aria-hidden": "true" }, word),
    ),
    over.picture,
  );
  let names = null;
  const draw = () => {
    if (root.hidden || !names) return;
    plot.resize();
    plot.setColours(moodPixels(names), paper());
    plot.draw();
    over.update();
  };
  new ResizeObserver(draw).observe(root);
  on("theme", draw);
  on("changed", () => (names = null));
  return {
    root,
    async show() {
      if (!names) {
        const answer = await api.map("").catch(() => null);
        if (!answer) return;
        plot.setPoints(columns(answer));
        names = answer.moods;
        over.setNames(names);
        over.setRoute([]);
      }
      draw();
    },
    route(tracks) {
      const indices = tracks
        .map(({ id }) => plot.at?.get(id))
        .filter((index) => index !== undefined);
      over.setRoute(indices);
      // The others stand back, so that the path is seen.
      plot.shown = indices.length ? new Uint8Array(plot.n) : null;
      for (const index of indices) plot.shown[index] = 1;
      draw();
    },
  };
}
