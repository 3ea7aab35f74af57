// The mood map: tracks on valence and energy, to look at, walk through, hear and pick from.
import { api } from "./api.js";
import { debounce, eachFrame, h, iconButton, refill } from "./dom.js";
import { moodPixels, moodTag, moods, paper } from "./moods.js";
import { failure, say } from "./notices.js";
import { Overlay } from "./overlay.js";
import { player } from "./player.js";
import { columns, Plot } from "./plot.js";
import { emit, filterKey, filterParams, here, isFiltered, on, openTrack } from "./state.js";
import { artistOf, inOneBreath, moodWords, nameOf, number, theirs } from "./words.js";

const MOST_TITLES = 24; // shown beside their points, where no more are in sight
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const HELP =
  "Arrow keys walk from track to track. Enter plays and opens a track, S picks it. " +
  "Plus, minus and 0 zoom; shift and arrows move. Escape lets go. " +
  "All tracks are also in the list under Tracks.";

/** The map's view: made once, shown when the address says so. */
export function mapView() {
  const canvas = h("canvas", { "aria-hidden": "true" });
  const plot = new Plot(canvas);
  const over = new Overlay(plot);
  const tip = h("div", { class: "tip", hidden: true, "aria-hidden": "true" });
  const lassoButton = iconButton("lasso", "Draw around tracks to pick them", toggleLasso, {
    "aria-pressed": "false",
  });
  const stage = h(
    "div",
    {
      class: "stage",
      tabindex: "0",
      role: "application",
      "aria-roledescription": "mood map",
      "aria-label": "Mood map: from sad to bright, from calm to lively",
      "aria-describedby": "map-help",
    },
    canvas,
    over.names,
    over.titles,
    over.picture,
    ...["sad", "bright", "lively", "calm"].map((word) =>
      h("span", { class: `axis ${word}`, "aria-hidden": "true" }, word),
    ),
    tip,
  );
  const tools = h(
    "div",
    { class: "tools", role: "group", "aria-label": "Map" },
    iconButton("plus", "Zoom in", () => zoom(1.6)),
    iconButton("minus", "Zoom out", () => zoom(1 / 1.6)),
    iconButton("fit", "Show everything", reset),
    lassoButton,
  );
  const message = h("div", { class: "over-message", hidden: true });
  const root = h(
    "section",
    { class: "map", "aria-label": "Mood map" },
    h("p", { class: "hidden", id: "map-help" }, HELP),
    stage,
    tools,
    message,
  );

  let names = [];
  let drawn = "";
  let current = -1; // the point that is read: under the pointer, or walked to
  let lassoing = false;
  let picked = null; // set of ids
  const titles = new Map();
  const redraw = eachFrame(() => {
    if (root.hidden || !canvas.clientWidth) return;
    plot.resize();
    plot.draw();
    over.update();
    placeTip();
    name();
    if (drawn && !root.dataset.painted) {
      root.dataset.painted = "yes";
      emit("painted");
      performance.mark("map-painted");
    }
  });

  // --- Data ------------------------------------------------------------------------------

  async function load() {
    try {
      const [answer] = await Promise.all([api.map(""), moods.ready]);
      names = answer.moods;
      drawn = "all";
      plot.setPoints(columns(answer));
      over.setNames(names);
      message.hidden = true;
      setHeard();
      recolour();
      await applyFilter();
    } catch (error) {
      if (plot.n) return; // What is drawn stays; the banner tells of the server.
      refill(message, failure(error, load));
      message.hidden = false;
    }
  }

  function recolour() {
    plot.setColours(moodPixels(names), paper());
    redraw();
  }

  let asking = null;
  async function applyFilter() {
    asking?.abort();
    if (!plot.n) return;
    if (!isFiltered()) {
      show(null);
      return;
    }
    asking = new AbortController();
    const key = filterKey();
    try {
      const answer = await api.map(filterParams(), asking.signal);
      if (key === filterKey()) show(new Set(answer.ids));
    } catch (error) {
      if (error.name !== "AbortError") show(null);
    }
  }

  let matching = null;
  function show(ids) {
    matching = ids;
    emit("counted", { shown: ids ? ids.size : plot.n, total: plot.n, ids });
    mask();
  }

  function mask() {
    const wanted = picked ?? matching;
    plot.shown = wanted && Uint8Array.from(plot.ids, (id) => (wanted.has(id) ? 1 : 0));
    redraw();
  }

  // --- Reading a point -------------------------------------------------------------------

  async function titled(id) {
    if (!titles.has(id)) {
      if (titles.size > 3000) titles.clear();
      titles.set(
        id,
        api.track(id).catch((error) => {
          titles.delete(id);
          throw error;
        }),
      );
    }
    return titles.get(id);
  }

  /** Titles beside the points once few are in sight; asked for when the map comes to rest. */
  const name = debounce(async () => {
    const seen = plot.n ? plot.inSight(MOST_TITLES) : null;
    const key = seen ? seen.join() : "";
    if (key === named) return;
    named = key;
    if (!seen) {
      over.setTitles([]);
      return;
    }
    const ids = seen.map((index) => plot.ids[index]);
    const tracks = await Promise.all(ids.map((id) => titled(id).catch(() => null)));
    if (key === named)
      over.setTitles(
        tracks.flatMap((track, at) =>
          track && plot.ids[seen[at]] === track.id ? [[seen[at], nameOf(track)]] : [],
        ),
      );
  }, 200);
  let named = "";

  const read = debounce(async (index, aloud) => {
    const id = plot.ids[index];
    try {
      const track = await titled(id);
      if (current !== index || plot.ids[index] !== id) return;
      refill(
        tip,
        h("strong", {}, theirs(nameOf(track))),
        h("span", {}, theirs(artistOf(track))),
        h(
          "span",
          { class: "tip-mood" },
          moodTag(track.mood),
          h("small", {}, track.own_mood ? "as you said" : moodWords(track).split(", ").at(-1)),
        ),
      );
      tip.hidden = false;
      placeTip();
      if (aloud) say(inOneBreath(track));
    } catch {
      tip.hidden = true;
    }
  }, 40);

  function point(index, { aloud = false } = {}) {
    if (index === current && !aloud) return;
    current = over.hovered = index;
    stage.classList.toggle("on-point", index >= 0);
    tip.hidden = true;
    if (index >= 0) read(index, aloud);
    over.update();
  }

  function placeTip() {
    if (tip.hidden || current < 0) return;
    const [x, y] = plot.place(current);
    const { offsetWidth: wide, offsetHeight: tall } = tip;
    const left = Math.max(8, Math.min(x + 16, plot.width - wide - 8));
    const below = y + 18 + tall > plot.height - 8;
    tip.style.transform = `translate(${left}px, ${below ? Math.max(8, y - tall - 14) : y + 18}px)`;
  }

  async function hear(index) {
    const id = plot.ids[index];
    player.play(id, { follow: followerOf });
    if (matchMedia("(min-width: 60rem)").matches) openTrack(id);
  }

  /** What sounds on after a track of the map: its nearest neighbour not yet heard. */
  function followerOf(id) {
    const from = plot.at.get(id);
    if (from === undefined) return null;
    const [px, py] = plot.place(from);
    const next = plot.nearest(
      px,
      py,
      Infinity,
      (i) => i !== from && !player.heard.has(plot.ids[i]),
    );
    return next < 0 ? null : plot.ids[next];
  }

  function setHeard() {
    over.heard = plot.at?.get(player.id) ?? -1;
    over.update();
  }

  // --- Moving about ----------------------------------------------------------------------

  function zoom(factor, px, py) {
    plot.zoomAt(factor, px, py);
    redraw();
  }

  function reset() {
    plot.reset();
    redraw();
    say("The whole map");
  }

  function toggleLasso() {
    lassoing = !lassoing;
    lassoButton.setAttribute("aria-pressed", String(lassoing));
    stage.classList.toggle("lassoing", lassoing);
    if (lassoing) say("Draw around tracks with the pointer, or walk to a track and press S");
  }

  const pointers = new Map();
  let moved = 0;
  let line = null;
  let pinch = 0;
  const at = (event) => {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    stage.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, at(event));
    moved = pointers.size > 1 ? Infinity : 0;
    line = (lassoing || event.shiftKey) && pointers.size === 1 ? [at(event)] : null;
    pinch = 0;
  });

  stage.addEventListener("pointermove", (event) => {
    const [x, y] = at(event);
    if (!pointers.has(event.pointerId)) {
      if (event.pointerType !== "touch") point(plot.n ? plot.nearest(x, y) : -1);
      return;
    }
    const [ox, oy] = pointers.get(event.pointerId);
    pointers.set(event.pointerId, [x, y]);
    moved += Math.hypot(x - ox, y - oy);
    if (pointers.size === 2) {
      const [a, b] = [...pointers.values()];
      const apart = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (pinch) plot.zoomAt(apart / pinch, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
      pinch = apart;
      plot.pan((x - ox) / 2, (y - oy) / 2);
      redraw();
    } else if (line) {
      line.push([x, y]);
      over.setLasso(line);
    } else if (moved > 4) {
      stage.classList.add("panning");
      plot.pan(x - ox, y - oy);
      redraw();
    }
  });

  function release(event) {
    if (!pointers.delete(event.pointerId)) return;
    stage.classList.remove("panning");
    pinch = 0;
    const [x, y] = at(event);
    if (event.type === "pointercancel") line = null;
    else if (line && moved > 12) pick(plot.within(line).map((index) => plot.ids[index]));
    else if (moved <= 4 && plot.n) {
      const index = plot.nearest(x, y, event.pointerType === "touch" ? 26 : 18);
      point(index, { aloud: index >= 0 });
      if (index >= 0) hear(index);
      else if (picked) pick([]);
    }
    line = null;
    over.setLasso([]);
  }
  stage.addEventListener("pointerup", release);
  stage.addEventListener("pointercancel", release);
  stage.addEventListener("pointerleave", () => pointers.size || point(-1));

  stage.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const step = event.deltaMode === 1 ? 24 : 1;
      zoom(Math.exp(-event.deltaY * step * (event.ctrlKey ? 0.01 : 0.0018)), ...at(event));
    },
    { passive: false },
  );

  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !plot.n) return;
    const arrow = ARROWS[event.key];
    if (arrow && event.shiftKey) {
      plot.pan(-60 * arrow[0], -60 * arrow[1]);
      redraw();
    } else if (arrow) walk(arrow);
    else if (event.key === "Enter" && current >= 0) hear(current);
    else if (event.key === "+" || event.key === "=") zoom(1.5);
    else if (event.key === "-") zoom(1 / 1.5);
    else if (event.key === "0") reset();
    else if (event.key.toLowerCase() === "s" && current >= 0) pickOne(plot.ids[current]);
    else if (event.key === "Escape" && (picked || current >= 0)) {
      if (picked) pick([]);
      point(-1);
    } else return;
    event.preventDefault();
  });

  function walk(arrow) {
    const from =
      current < 0 || (plot.shown && !plot.shown[current])
        ? plot.nearest(plot.width / 2, plot.height / 2, Infinity)
        : plot.neighbour(current, arrow);
    if (from < 0) {
      say("No track further that way");
      return;
    }
    if (plot.reveal(from)) redraw();
    point(from, { aloud: true });
  }

  // --- Picking ---------------------------------------------------------------------------

  function pick(ids) {
    picked = ids.length ? new Set(ids) : null;
    mask();
    emit("picked", ids);
    say(ids.length ? `${number(ids.length)} tracks picked` : "Nothing picked");
  }

  function pickOne(id) {
    const ids = new Set(picked ?? []);
    if (!ids.delete(id)) ids.add(id);
    pick([...ids]);
  }

  // --- News ------------------------------------------------------------------------------

  on("theme", recolour);
  on("filtered", () => root.hidden || applyFilter());
  on("heard", setHeard);
  on("unpick", () => picked && pick([]));
  on("corrected", (track) => {
    titles.delete(track.id);
    const index = plot.at?.get(track.id);
    if (index === undefined) return;
    if (!names.includes(track.mood)) {
      load();
      return;
    }
    plot.mood[index] = names.indexOf(track.mood);
    redraw();
  });
  on("changed", () => {
    titles.clear();
    named = "";
    if (root.hidden) drawn = "";
    else load();
  });
  new ResizeObserver(redraw).observe(stage);

  return {
    root,
    title: "Mood map",
    show() {
      if (!drawn) load();
      else {
        applyFilter();
        redraw();
      }
      if (here.track === null) return;
      const index = plot.at?.get(here.track);
      if (index !== undefined && plot.reveal(index)) redraw();
    },
  };
}
