// Where we are (view, filters, open track), kept in the address so that back and reload work.

export const VIEWS = ["map", "tracks", "playlists", "teach", "library"];
const EMPTY = { q: "", moods: [], sure: "", from: "", to: "", corrected: false };

export const here = { view: "map", track: null, sort: "title", descending: false, ...EMPTY };

const bus = new EventTarget();

/** Be told of what happens: "moved", "filtered", "opened", "corrected", "moods", "status" … */
export const on = (name, call) => bus.addEventListener(name, (event) => call(event.detail));
export const emit = (name, detail) => bus.dispatchEvent(new CustomEvent(name, { detail }));

function address() {
  const params = new URLSearchParams();
  if (here.q) params.set("q", here.q);
  for (const mood of here.moods) params.append("mood", mood);
  if (here.sure) params.set("sure", here.sure);
  if (here.from) params.set("from", here.from);
  if (here.to) params.set("to", here.to);
  if (here.corrected) params.set("corrected", "1");
  if (here.sort !== "title") params.set("sort", here.sort);
  if (here.descending) params.set("down", "1");
  if (here.track !== null) params.set("track", here.track);
  const query = params.toString();
  return `#/${here.view}${query ? `?${query}` : ""}`;
}

/** Take the state from the address; tell what changed. */
export function readAddress() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const params = new URLSearchParams(query ?? "");
  const before = { ...here, filters: filterKey() };
  const tempo = (name) => (/^\d{1,3}$/.test(params.get(name) ?? "") ? params.get(name) : "");
  Object.assign(here, {
    view: VIEWS.includes(path) ? path : "map",
    q: params.get("q") ?? "",
    moods: params.getAll("mood"),
    sure: ["high", "some", "low"].includes(params.get("sure")) ? params.get("sure") : "",
    from: tempo("from"),
    to: tempo("to"),
    corrected: params.get("corrected") === "1",
    sort: params.get("sort") ?? "title",
    descending: params.get("down") === "1",
    track: /^\d+$/.test(params.get("track") ?? "") ? Number(params.get("track")) : null,
  });
  if (before.view !== here.view) emit("moved");
  if (before.filters !== filterKey()) emit("filtered");
  if (before.sort !== here.sort || before.descending !== here.descending) emit("sorted");
  if (before.track !== here.track) emit("opened");
}

/** Change something. What is typed replaces the last step of the history, a step adds one. */
export function change(patch, { replace = false } = {}) {
  const before = { ...here };
  Object.assign(here, patch);
  const next = address();
  Object.assign(here, before);
  if (next === location.hash) return;
  history[replace ? "replaceState" : "pushState"](null, "", next);
  readAddress();
}

/** The address of a view that keeps the filters. */
export const linkTo = (view) => `#/${view}`;

export const clearFilters = () => change({ ...EMPTY, moods: [] });
export const isFiltered = () => filterKey() !== "";
export const openTrack = (id) => change({ track: id });
export const closeTrack = () => change({ track: null });

const SURE = {
  high: ["min_confidence", "0.7"],
  some: ["min_confidence", "0.5"],
  low: ["max_confidence", "0.5"],
};

/** The filters as the server understands them. */
export function filterParams() {
  const params = new URLSearchParams();
  if (here.q.trim()) params.set("search", here.q.trim());
  for (const mood of here.moods) params.append("mood", mood);
  if (SURE[here.sure]) params.set(...SURE[here.sure]);
  if (here.from) params.set("min_tempo", here.from);
  if (here.to) params.set("max_tempo", here.to);
  if (here.corrected) params.set("corrected", "true");
  return params;
}

export const filterKey = () => filterParams().toString();

addEventListener("popstate", readAddress);
addEventListener("hashchange", readAddress);
