// Starts the page: head, views and panel put together, and kept true to the address.
import { api, onConnection } from "./api.js";
import { h, icon, put, refill } from "./dom.js";
import { filterBar, searchField } from "./filters.js";
import { emptyView, libraryView, scanChip, watchScan } from "./library.js";
import { listView } from "./list.js";
import { mapView } from "./map.js";
import { isDark, loadMoods, moods } from "./moods.js";
import { banner, clearBanner, say } from "./notices.js";
import { watchPicks } from "./picked.js";
import { playerBar } from "./player.js";
import { playlistsView } from "./playlists.js";
import { emit, here, linkTo, on, readAddress, VIEWS } from "./state.js";
import { teachView } from "./teach.js";
import { themeSwitch } from "./theme.js";
import { showTrack } from "./track.js";

const WORDS = {
  map: "Map",
  tracks: "Tracks",
  playlists: "Playlists",
  teach: "Teach",
  library: "Library",
};
const MAKERS = {
  map: mapView,
  tracks: listView,
  playlists: playlistsView,
  teach: teachView,
  library: libraryView,
  empty: emptyView,
};
const FILTERED = new Set(["map", "tracks"]);

const main = document.getElementById("main");
const filters = h("div", { class: "filter-place" });
const views = {};
let isEmpty = false;
let first = true;

function viewName() {
  return isEmpty && here.view !== "library" ? "empty" : here.view;
}

function showView() {
  const name = viewName();
  if (!views[name]) {
    views[name] = MAKERS[name]();
    views[name].root.hidden = true;
    main.append(views[name].root);
  }
  for (const [other, view] of Object.entries(views)) view.root.hidden = other !== name;
  filters.hidden = !FILTERED.has(name);
  main.dataset.view = name;
  document.title = `${views[name].title} · affetto`;
  for (const link of document.querySelectorAll("#tabs a")) {
    if (link.dataset.view === here.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  views[name].show();
  if (!first) say(views[name].title);
  first = false;
}

/** The line on top of the page: its colours in the shares that the moods have here. */
function drawStrip() {
  const none = !moods.list.some(({ count }) => count > 0);
  refill(
    document.getElementById("strip"),
    moods.list.map(({ count }, index) =>
      h("i", { vars: { "--c": `var(--mood-${index})`, "--grow": String(none ? 1 : count) } }),
    ),
  );
}

async function refresh() {
  const list = await loadMoods();
  // Moods say it mostly; tracks without one are music as well.
  isEmpty = !list.some(({ count }) => count > 0) && (await api.status()).tracks === 0;
  drawStrip();
}

async function changed() {
  try {
    const was = isEmpty;
    await refresh();
    if (was !== isEmpty) showView();
  } catch {
    // The banner tells of a server that is gone.
  }
}

function build() {
  put(
    document.getElementById("tabs"),
    VIEWS.map((view) =>
      h("a", { href: linkTo(view), "data-view": view }, icon(view), h("span", {}, WORDS[view])),
    ),
  );
  put(document.getElementById("search"), searchField());
  put(document.getElementById("top-end"), scanChip(), themeSwitch());
  main.append(filters);
  put(filters, filterBar());
  playerBar(document.getElementById("player"));
  document.getElementById("skip").addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
  });
  watchPicks();
  on("moved", showView);
  on("opened", showTrack);
  on("changed", changed);
  on("moods", drawStrip);
  onConnection("gone", () => banner("gone", "The server does not answer. Trying again …"));
  onConnection("back", () => {
    clearBanner("gone");
    say("The server is back");
    emit("changed");
    showView();
  });
  document.documentElement.dataset.ready = isDark() ? "dark" : "light";
}

async function start() {
  build();
  // The map asks for its points while the moods are still on their way.
  const asked = refresh();
  readAddress();
  if (here.view === "map") showView();
  try {
    await asked;
  } catch (error) {
    if (error.status === 401)
      banner("token", "This page needs its token: open the address that affetto serve printed.");
  }
  if (here.view !== "map" || isEmpty) showView();
  if (here.track !== null) showTrack();
  watchScan();
}

start();
