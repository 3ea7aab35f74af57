// A playlist before it is saved: its tracks, playing it through, downloading it.
import { api } from "./api.js";
import { h, icon, refill } from "./dom.js";
import { moodColour, swatch } from "./moods.js";
import { complain, say, sentence, toast } from "./notices.js";
import { player } from "./player.js";
import { on, openTrack } from "./state.js";
import {
  artistOf,
  brief,
  clean,
  clock,
  counted,
  moodWords,
  nameOf,
  number,
  span,
  theirs,
} from "./words.js";

const MOST_ROWS = 200;
const FORMATS = [
  ["m3u8", "M3U8: most players"],
  ["xspf", "XSPF: VLC and others"],
  ["nsp", "NSP: Navidrome"],
];
// A Navidrome playlist follows rules: only these kinds can be one.
const BY_RULE = new Set(["mood", "mix"]);

/** What came of a request for a playlist; `body` is the request, for downloading the same. */
export function preview({ name, tracks, minutes, total, note }, body) {
  if (!tracks.length) {
    return h(
      "div",
      { class: "none" },
      h("p", { class: "lead" }, "Nothing fits."),
      h("p", {}, note ? sentence(clean(note)) : "Ask for less: fewer conditions, or another mood."),
    );
  }
  const ids = tracks.map(({ id }) => id);
  const rows = h(
    "ol",
    { class: "queue" },
    tracks.slice(0, MOST_ROWS).map((track, index) => queueRow(track, ids, index)),
  );
  return h(
    "div",
    { class: "preview" },
    h(
      "div",
      { class: "preview-head" },
      h(
        "div",
        {},
        h("h3", {}, theirs(name)),
        h("p", { class: "note" }, `${counted(total, "track")}, ${span(minutes)}`),
      ),
      h(
        "button",
        {
          type: "button",
          class: "primary",
          onclick: () => {
            player.playAll(ids);
            say("Playing");
          },
        },
        icon("play"),
        "Play",
      ),
    ),
    note && h("p", { class: "note" }, sentence(clean(note))),
    band(tracks),
    downloads(name, body),
    rows,
    tracks.length > MOST_ROWS &&
      h(
        "p",
        { class: "note" },
        `… and ${number(total - MOST_ROWS)} more; all of them are in the file.`,
      ),
  );
}

function queueRow(track, ids, index) {
  return h(
    "li",
    { "data-id": track.id, class: player.id === track.id ? "heard" : undefined },
    h(
      "button",
      {
        type: "button",
        class: "queue-play",
        "aria-label": `Play from ${brief(nameOf(track), 60)}, ${moodWords(track)}`,
        onclick: () => player.playAll(ids, index),
      },
      swatch(track.mood),
      icon("play"),
    ),
    h(
      "button",
      { type: "button", class: "two", onclick: () => openTrack(track.id) },
      h("strong", {}, theirs(nameOf(track))),
      h("span", {}, theirs(artistOf(track))),
    ),
    h("span", { class: "n" }, clock((track.duration_ms ?? NaN) / 1000)),
  );
}

on("heard", (id) => {
  for (const row of document.querySelectorAll(".queue li"))
    row.classList.toggle("heard", row.dataset.id === String(id));
});

/** The moods of the list in their order, one stripe a track. */
function band(tracks) {
  const shown =
    tracks.length > 240
      ? tracks.filter((_, index) => index % Math.ceil(tracks.length / 240) === 0)
      : tracks;
  return h(
    "div",
    { class: "band-line", "aria-hidden": "true" },
    shown.map((track) => h("i", { vars: { "--c": moodColour(track.mood) } })),
  );
}

function downloads(name, body) {
  const format = h(
    "select",
    { "aria-label": "File type" },
    FORMATS.filter(([value]) => value !== "nsp" || BY_RULE.has(body.kind)).map(([value, words]) =>
      h("option", { value }, words),
    ),
  );
  const paths = h(
    "select",
    { "aria-label": "Paths in the file" },
    h("option", { value: "absolute" }, "Full paths"),
    h("option", { value: "relative" }, "Relative paths"),
  );
  const button = h(
    "button",
    {
      type: "button",
      onclick: async () => {
        button.disabled = true;
        try {
          const file = await api.download({
            ...body,
            format: format.value,
            paths: paths.value,
            name: clean(name).slice(0, 120),
          });
          toast(`Saved ${file}`);
        } catch (error) {
          complain(error);
        }
        button.disabled = false;
      },
    },
    icon("down"),
    "Download",
  );
  return h("div", { class: "downloads" }, format, paths, button);
}

/** Ask and show in a place; the last question wins. */
export function asker(place) {
  let stop = null;
  return async (body, shown = () => {}) => {
    stop?.abort();
    stop = new AbortController();
    const { signal } = stop;
    place.setAttribute("aria-busy", "true");
    const slow = setTimeout(
      () => !signal.aborted && refill(place, h("p", { class: "note hint" }, "Working it out …")),
      400,
    );
    try {
      const answer = await api.preview(body, signal);
      clearTimeout(slow);
      if (signal.aborted) return;
      refill(place, preview(answer, body));
      say(
        answer.tracks.length
          ? `${counted(answer.total, "track")}, ${span(answer.minutes)}`
          : "Nothing fits",
      );
      shown(answer);
    } catch (error) {
      clearTimeout(slow);
      if (signal.aborted) return;
      refill(place);
      complain(error);
    }
    place.removeAttribute("aria-busy");
  };
}
