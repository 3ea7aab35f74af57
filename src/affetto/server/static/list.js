// The list: any number of tracks, of which only those in sight are there.
import { api } from "./api.js";
import { eachFrame, h, iconButton, refill } from "./dom.js";
import { moods, moodTag } from "./moods.js";
import { failure, say } from "./notices.js";
import { player } from "./player.js";
import {
  change,
  clearFilters,
  emit,
  filterParams,
  here,
  isFiltered,
  on,
  openTrack,
} from "./state.js";
import {
  artistOf,
  brief,
  clock,
  inOneBreath,
  nameOf,
  number,
  percent,
  theirs,
  UNKNOWN,
} from "./words.js";

const PAGE = 100; // tracks asked for at once
const MOST_PAGES = 40; // kept; those looked at longest ago go first
const ABOVE = 8; // rows drawn beyond what is seen
const TALLEST_PX = 15_000_000; // browsers cut off what is taller

const COLUMNS = [
  ["title", "Title", "c-title"],
  ["album", "Album", "c-album"],
  ["mood", "Mood", "c-mood"],
  ["confidence", "Sure", "c-sure"],
  ["tempo", "Tempo", "c-tempo"],
  ["energy", "Energy", "c-energy"],
  ["duration", "Length", "c-length"],
];
const ORDERS = [
  ["title", "Title"],
  ["artist", "Artist"],
  ["album", "Album"],
  ["mood", "Mood"],
  ["confidence", "Confidence"],
  ["tempo", "Tempo"],
  ["energy", "Energy"],
  ["valence", "Brightness"],
  ["duration", "Length"],
  ["added", "Date added"],
];

/** The list's view. */
export function listView() {
  const order = h(
    "select",
    { id: "order", "aria-label": "Sort by", onchange: () => sortBy(order.value, false) },
    ORDERS.map(([value, words]) => h("option", { value }, words)),
  );
  const way = h("button", {
    type: "button",
    class: "quiet",
    onclick: () => change({ descending: !here.descending }),
  });
  const head = h(
    "div",
    { class: "row head", role: "row", "aria-rowindex": "1" },
    h("span", { class: "c-play", role: "columnheader" }, h("span", { class: "hidden" }, "Play")),
    COLUMNS.map(([key, words, css]) =>
      h(
        "span",
        { class: css, role: "columnheader", "data-key": key },
        h(
          "button",
          {
            type: "button",
            tabindex: "-1",
            onclick: () => sortBy(key, here.sort === key && !here.descending),
          },
          words,
        ),
      ),
    ),
  );
  const rows = h("div", { class: "rows", role: "presentation" });
  const grid = h(
    "div",
    {
      class: "grid",
      role: "grid",
      tabindex: "0",
      "aria-label": "Tracks",
      "aria-describedby": "list-help",
      "aria-readonly": "true",
    },
    head,
    rows,
  );
  const empty = h("div", { class: "none", hidden: true });
  const root = h(
    "section",
    { class: "list", "aria-label": "Tracks" },
    h(
      "p",
      { class: "hidden", id: "list-help" },
      "Arrow keys move, Enter opens a track, space plays it.",
    ),
    h("div", { class: "list-order" }, h("label", { for: "order" }, "Sort by"), order, way),
    grid,
    empty,
  );

  const pages = new Map(); // page number → tracks, or null while asked for
  let total = 0;
  let loaded = false;
  let stop = new AbortController();
  let row_px = 60;
  let active = -1;
  const drawn = new Map(); // index → element
  const paint = eachFrame(render);

  // --- Pages -----------------------------------------------------------------------------

  const trackAt = (index) => pages.get(Math.floor(index / PAGE))?.[index % PAGE] ?? null;

  async function fetchPage(number_) {
    if (pages.has(number_)) return;
    pages.set(number_, null);
    const { signal } = stop;
    const params = filterParams();
    params.set("sort", here.sort);
    if (here.descending) params.set("descending", "true");
    params.set("offset", number_ * PAGE);
    params.set("limit", PAGE);
    try {
      const answer = await api.tracks(params, signal);
      if (signal.aborted) return;
      pages.delete(number_);
      pages.set(number_, answer.tracks);
      if (pages.size > MOST_PAGES) pages.delete(pages.keys().next().value);
      setTotal(answer.total);
    } catch (error) {
      if (signal.aborted || error.name === "AbortError") return;
      pages.delete(number_);
      if (!total) none(failure(error, reload));
    }
  }

  function setTotal(count) {
    total = count;
    loaded = true;
    grid.setAttribute("aria-rowcount", String(total + 1));
    rows.style.height = `${Math.min(TALLEST_PX, total * row_px)}px`;
    if (!isFiltered()) all = total;
    tellCount();
    active = Math.min(active, total - 1);
    if (total) none(null);
    else if (isFiltered()) {
      none(
        h(
          "div",
          {},
          h("p", { class: "lead" }, "Nothing matches."),
          h(
            "p",
            {},
            here.q
              ? [
                  "No track has “",
                  theirs(brief(here.q, 60)),
                  "” in its title, artist or album under these filters.",
                ]
              : "No track fits these filters.",
          ),
          h("button", { type: "button", onclick: clearFilters }, "Clear search and filters"),
        ),
      );
      say("Nothing matches");
    } else none(h("p", { class: "lead" }, "No tracks yet."));
    forget();
    paint();
  }
  let all = 0; // without filters, once that is known; before, as many as have a mood
  function tellCount() {
    const moody = moods.list.reduce((sum, { count }) => sum + count, 0);
    emit("counted", { shown: total, total: isFiltered() ? Math.max(total, all || moody) : total });
  }

  function none(content) {
    empty.hidden = content === null;
    grid.hidden = content !== null;
    refill(empty, content);
  }

  function reload({ top = true } = {}) {
    stop.abort();
    stop = new AbortController();
    pages.clear();
    if (top) {
      grid.scrollTop = 0;
      active = -1;
    }
    const first = Math.floor(firstSeen() / PAGE);
    fetchPage(top ? 0 : first);
  }

  // --- Rows ------------------------------------------------------------------------------

  // Past what browsers can hold, places in the scroll stand for rows in proportion.
  const squeeze = () =>
    Math.max(1, (total * row_px - grid.clientHeight) / Math.max(1, TALLEST_PX - grid.clientHeight));
  const firstSeen = () => Math.max(0, Math.floor((grid.scrollTop * squeeze()) / row_px));

  function forget() {
    for (const node of drawn.values()) node.remove();
    drawn.clear();
  }

  function render() {
    if (root.hidden || !loaded) return;
    measure();
    const seen = Math.ceil(grid.clientHeight / row_px) + 1;
    const first = Math.max(0, firstSeen() - ABOVE);
    const last = Math.min(total, firstSeen() + seen + ABOVE);
    for (const [index, node] of drawn) {
      if (index < first || index >= last) {
        node.remove();
        drawn.delete(index);
      }
    }
    const shift = grid.scrollTop - grid.scrollTop * squeeze();
    for (let index = first; index < last; index++) {
      const track = trackAt(index);
      let node = drawn.get(index);
      if (!node || (track && node.classList.contains("waiting"))) {
        const fresh = track ? rowOf(track, index) : waiting(index);
        if (node) node.replaceWith(fresh);
        else rows.append(fresh);
        drawn.set(index, fresh);
        node = fresh;
      }
      node.style.transform = `translateY(${index * row_px + shift}px)`;
      node.classList.toggle("active", index === active);
      node.classList.toggle("open", track?.id === here.track);
    }
    for (
      let page = Math.floor(first / PAGE);
      page <= Math.floor(Math.max(first, last - 1) / PAGE);
      page++
    ) {
      if (!pages.has(page) && total) fetchPage(page);
    }
    if (active >= 0 && drawn.has(active))
      grid.setAttribute("aria-activedescendant", `row-${active}`);
    else grid.removeAttribute("aria-activedescendant");
  }

  function measure() {
    const px = parseFloat(getComputedStyle(root).getPropertyValue("--row")) || 60;
    if (px === row_px) return;
    row_px = px;
    rows.style.height = `${Math.min(TALLEST_PX, total * row_px)}px`;
  }

  const waiting = (index) =>
    h(
      "div",
      { class: "row waiting", role: "row", "aria-rowindex": index + 2, id: `row-${index}` },
      h("span", { role: "gridcell", class: "c-title" }, h("span", { class: "hidden" }, "loading")),
    );

  function rowOf(track, index) {
    const cell = (css, ...content) => h("span", { class: css, role: "gridcell" }, content);
    const sounding = player.id === track.id && !player.audio.paused;
    const play = iconButton(
      sounding ? "pause" : "play",
      `${sounding ? "Pause" : "Play"} ${brief(nameOf(track), 60)}`,
      (event) => {
        event.stopPropagation();
        hear(index);
      },
      { tabindex: "-1", class: "sign small" },
    );
    return h(
      "div",
      {
        class: `row${player.id === track.id ? " heard" : ""}`,
        role: "row",
        "aria-rowindex": index + 2,
        id: `row-${index}`,
        "aria-label": inOneBreath(track),
        onclick: () => {
          active = index;
          openTrack(track.id);
        },
      },
      cell("c-play", play),
      cell(
        "c-title",
        h("strong", {}, theirs(nameOf(track))),
        h("span", {}, theirs(artistOf(track))),
      ),
      cell("c-album", track.album ? theirs(track.album) : UNKNOWN),
      cell("c-mood", moodTag(track.mood), track.own_mood && h("small", {}, "yours")),
      cell("c-sure", track.own_mood ? UNKNOWN : [percent(track.confidence), bar(track.confidence)]),
      cell("c-tempo", track.tempo ? String(Math.round(track.tempo)) : UNKNOWN),
      cell("c-energy", percent(track.energy)),
      cell("c-length", clock((track.duration_ms ?? NaN) / 1000)),
    );
  }

  const bar = (share) =>
    h("i", { class: "meter", "aria-hidden": "true", vars: { "--part": `${100 * (share ?? 0)}%` } });

  // --- Doing -----------------------------------------------------------------------------

  function hear(index) {
    const track = trackAt(index);
    if (!track) return;
    const page = Math.floor(index / PAGE);
    const ids = [...(pages.get(page) ?? []), ...(pages.get(page + 1) ?? [])].map(({ id }) => id);
    player.play(track.id, { queue: ids });
  }

  function sortBy(key, descending) {
    change({ sort: key, descending });
  }

  function showOrder() {
    order.value = here.sort;
    way.textContent = here.descending ? "↓ Descending" : "↑ Ascending";
    for (const cell of head.children) {
      const mine = cell.dataset.key === here.sort;
      if (mine) cell.setAttribute("aria-sort", here.descending ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    }
  }

  function moveTo(index) {
    if (!total) return;
    active = Math.min(total - 1, Math.max(0, index));
    const top = (active * row_px) / squeeze();
    const room = grid.clientHeight - head.offsetHeight;
    if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top + row_px > grid.scrollTop + room) grid.scrollTop = top + row_px - room;
    paint();
    const track = trackAt(active);
    if (track) say(`${inOneBreath(track)}. ${number(active + 1)} of ${number(total)}`);
  }

  grid.addEventListener("scroll", paint, { passive: true });
  grid.addEventListener("keydown", (event) => {
    if (event.target !== grid || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(grid.clientHeight / row_px) - 2);
    const to = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      PageDown: active + page,
      PageUp: active - page,
      Home: 0,
      End: total - 1,
    }[event.key];
    if (to !== undefined) moveTo(to);
    else if (event.key === "Enter" && trackAt(active)) openTrack(trackAt(active).id);
    else if (event.key === " ") hear(Math.max(0, active));
    else return;
    event.preventDefault();
  });

  const redrawRows = () => {
    forget();
    paint();
  };
  on("filtered", () => (root.hidden ? (loaded = false) : reload()));
  on("sorted", () => {
    showOrder();
    if (root.hidden) loaded = false;
    else reload();
  });
  on("heard", redrawRows);
  on("sounding", redrawRows);
  on("opened", paint);
  on("moods", () => {
    redrawRows();
    if (!root.hidden && loaded) tellCount();
  });
  on("changed", () => (root.hidden ? (loaded = false) : reload({ top: false })));
  on("corrected", (track) => {
    for (const tracks of pages.values()) {
      const index = tracks?.findIndex(({ id }) => id === track.id) ?? -1;
      if (index >= 0) tracks[index] = { ...tracks[index], ...track };
    }
    redrawRows();
  });
  new ResizeObserver(paint).observe(grid);
  showOrder();

  return {
    root,
    title: "Tracks",
    show() {
      if (!loaded) reload();
      else {
        tellCount();
        paint();
      }
    },
  };
}
