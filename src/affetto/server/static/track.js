// One track: its mood, how to correct it, why it got it, and how it sounds.
import { api } from "./api.js";
import { h, icon, refill } from "./dom.js";
import { loadMoods, moodColour, moods, moodTag, swatch } from "./moods.js";
import { complain, failure, say, toast } from "./notices.js";
import { panel } from "./panel.js";
import { player } from "./player.js";
import { emit, here, on } from "./state.js";
import { timeline } from "./timeline.js";
import { artistOf, brief, clean, clock, nameOf, percent, theirs } from "./words.js";
import { features, probabilities, reasons } from "./why.js";

const LONGEST_WORD = 64;
let stop = new AbortController();
let shown = null;

/** Show the track that the address names, or nothing. */
export async function showTrack() {
  stop.abort();
  stop = new AbortController();
  const { signal } = stop;
  if (here.track === null) {
    shown = null;
    panel.close("track");
    return;
  }
  const id = here.track;
  if (shown !== id) panel.open("track", "Track", h("p", { class: "note" }, "Loading …"));
  try {
    const track = await api.track(id, signal);
    if (signal.aborted) return;
    shown = id;
    draw(track, signal);
  } catch (error) {
    if (error.name === "AbortError") return;
    shown = null;
    panel.open(
      "track",
      "Track",
      error.status === 404
        ? h(
            "div",
            { class: "failure" },
            h("p", { class: "lead" }, "This track is not in the library."),
            h("p", {}, "It may have been removed since this page was opened."),
          )
        : failure(error, showTrack),
    );
  }
}

function draw(track, signal) {
  const play = h("button", {
    type: "button",
    class: "primary",
    onclick: () => player.play(track.id),
  });
  const state = () => {
    const sounding = player.id === track.id && !player.audio.paused;
    refill(play, icon(sounding ? "pause" : "play"), sounding ? "Pause" : "Play");
  };
  on_sounding = state;
  state();
  const facts = [
    ["Album", track.album && theirs(track.album)],
    ["Length", clock((track.duration_ms ?? NaN) / 1000)],
    ["Key", track.key && clean(track.key)],
    ["File", track.file && theirs(track.file)],
  ].filter(([, value]) => value);
  const heading = h("h2", { class: "title", tabindex: "-1" }, theirs(nameOf(track)));
  panel.open("track", heading, [
    h("p", { class: "artist" }, theirs(artistOf(track))),
    track.state === "missing" &&
      h(
        "p",
        { class: "warn" },
        "Its file is not where it was. Scan again under Library, or bring it back.",
      ),
    track.state === "failed" &&
      h("p", { class: "warn" }, `It could not be heard: ${clean(track.error ?? "")}`),
    track.warning && h("p", { class: "warn" }, clean(track.warning)),
    h("div", { class: "verdict" }, verdict(track), play),
    correction(track),
    probabilities(track) && section("Mood by mood", probabilities(track)),
    track.model_mood && section("Why this mood", reasons(track)),
    track.features && section("Its features", features(track)),
    track.features && section("Mood over time", timeline(track, signal)),
    section(
      "Facts",
      h(
        "dl",
        { class: "facts" },
        facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
      ),
    ),
  ]);
}

let on_sounding = () => {};
on("sounding", () => on_sounding());
on("heard", () => on_sounding());

const section = (title, ...content) => h("section", {}, h("h3", {}, title), content);

function verdict(track) {
  if (track.own_mood) {
    const model =
      track.model_mood && track.model_mood !== track.own_mood
        ? ["The model says ", moodTag(track.model_mood), ` ${percent(track.confidence)}.`]
        : ["The model agrees."];
    return h(
      "div",
      {},
      h("p", { class: "big" }, swatch(track.own_mood), theirs(track.own_mood)),
      h("p", { class: "note" }, "As you said. ", model),
    );
  }
  if (!track.mood) {
    return h(
      "div",
      {},
      h("p", { class: "big" }, swatch(null), "Unsure"),
      h(
        "p",
        { class: "note" },
        track.model_mood
          ? [
              "Perhaps ",
              moodTag(track.model_mood),
              ` (${percent(track.confidence)})`,
              track.second && [" or ", moodTag(track.second)],
              ".",
            ]
          : "No mood could be told.",
      ),
    );
  }
  return h(
    "div",
    {},
    h("p", { class: "big" }, swatch(track.mood), theirs(track.mood)),
    h(
      "p",
      { class: "note" },
      `${percent(track.confidence)} sure`,
      track.second && [", next ", moodTag(track.second), ` ${percent(track.second_confidence)}`],
      outlying(track),
    ),
  );
}

// The score's scale is the model's; the server says in `reason` when it is far out.
const outlying = (track) =>
  track.reason && track.reason !== "unsure" ? `. ${clean(track.reason)}` : "";

// --- Correcting --------------------------------------------------------------------------

function correction(track) {
  const word = h("input", {
    type: "text",
    id: "own-word",
    maxlength: String(LONGEST_WORD),
    placeholder: "or a word of your own",
    "aria-label": "A mood of your own",
    autocomplete: "off",
    dir: "auto",
  });
  return h(
    "form",
    {
      class: "correct",
      "aria-label": "Correct the mood",
      onsubmit: (event) => {
        event.preventDefault();
        if (word.value.trim()) correct(track, word.value.trim());
      },
    },
    h(
      "p",
      { id: "correct-label" },
      track.own_mood ? "Your mood for it:" : "Does it awaken something else?",
    ),
    h(
      "div",
      { class: "chips", role: "group", "aria-labelledby": "correct-label" },
      moods.list.slice(0, 14).map(({ name }) =>
        h(
          "button",
          {
            type: "button",
            class: "chip",
            "aria-pressed": String(track.own_mood === name),
            vars: { "--c": moodColour(name) },
            onclick: () => correct(track, track.own_mood === name ? null : name),
          },
          swatch(name),
          theirs(name),
        ),
      ),
    ),
    h(
      "div",
      { class: "own-word" },
      word,
      h("button", { type: "submit" }, "Save"),
      track.own_mood &&
        h(
          "button",
          { type: "button", class: "quiet", onclick: () => correct(track, null) },
          "Undo",
        ),
    ),
  );
}

/** Give a track a mood of one's own, or take it back; what was before can be had again. */
export async function correct(track, mood, { undoable = true } = {}) {
  const before = track.own_mood ?? null;
  try {
    const fresh = await api.correct(track.id, mood);
    emit("corrected", fresh);
    if (shown === fresh.id) {
      const place = panel.scroll();
      draw(fresh, stop.signal);
      panel.scroll(place);
      panel.focus();
    }
    loadMoods().catch(() => {});
    const said =
      mood === null
        ? `Taken back: ${brief(nameOf(track), 40)}`
        : `${brief(nameOf(track), 40)} is ${clean(mood)} now`;
    if (undoable)
      toast(said, { label: "Undo", action: () => correct(fresh, before, { undoable: false }) });
    else say(said);
  } catch (error) {
    complain(error);
  }
}
