// The tracks that were picked on the map, or all that match: a playlist in the making.
import { api } from "./api.js";
import { h } from "./dom.js";
import { moodColour, moodTag } from "./moods.js";
import { complain } from "./notices.js";
import { panel } from "./panel.js";
import { asker } from "./preview.js";
import { closeTrack, filterParams, here, on } from "./state.js";
import { counted } from "./words.js";

const MOST = 5000; // tracks of a playlist made by hand

let kept = { ids: [], title: "" };

on("unpick", () => show([], ""));
on("moved", () => show([], ""));
// Whoever looked at a track on the way comes back to what was picked.
on("opened", () => here.track === null && kept.ids.length && show(kept.ids, kept.title));

/** Show tracks picked on the map; none closes the panel. */
export const showPicked = (ids) => show(ids, "Picked");

/** Show all tracks that match the filters. */
export async function collect() {
  try {
    show((await api.map(filterParams())).ids, "Matching");
  } catch (error) {
    complain(error);
  }
}

function show(ids, title) {
  kept = { ids, title };
  if (!ids.length) {
    panel.close("picked");
    return;
  }
  if (here.track !== null) {
    closeTrack(); // comes back here by "opened"
    return;
  }
  const place = h("div", {});
  panel.open("picked", `${title}: ${counted(ids.length, "track")}`, [
    ids.length > MOST &&
      h("p", { class: "note" }, `The first ${counted(MOST, "track")} make the playlist.`),
    place,
  ]);
  asker(place)({ kind: "tracks", ids: ids.slice(0, MOST) }, ({ tracks }) =>
    place.prepend(shares(tracks)),
  );
}

function shares(tracks) {
  const counts = new Map();
  for (const { mood } of tracks) counts.set(mood, (counts.get(mood) ?? 0) + 1);
  const sorted = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 6);
  return h(
    "ul",
    { class: "odds", "aria-label": "Moods among them" },
    sorted.map(([mood, count]) =>
      h(
        "li",
        {},
        moodTag(mood),
        h("i", {
          class: "bar",
          "aria-hidden": "true",
          vars: { "--c": moodColour(mood), "--part": `${(100 * count) / tracks.length}%` },
        }),
        h("span", { class: "n" }, String(count)),
      ),
    ),
  );
}
