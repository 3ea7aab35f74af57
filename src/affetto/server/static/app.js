// Starts the page: head, views and panel put together, and kept true to the address.
import { api, onConnection } from "./api.js";
import { h, icon, put, refill } from "./dom.js";
import { filterBar, searchField } from "./filters.js";
import { mapView } from "./map.js";
import { isDark, loadMoods, moods } from "./moods.js";
import { banner, clearBanner, say } from "./notices.js";
import { playerBar } from "./player.js";
import { emit, here, linkTo, on, readAddress, VIEWS } from "./state.js";
import { themeSwitch } from "./theme.js";

const WORDS = {
  map: "Map",
  tracks: "Tracks",
  playlists: "Playlists",
  teach: "Teach",
  library: "Library",
};
const PATIENCE_MS = 1500; // after which the rest is fetched even if no map was painted
const FILTERED = new Set(["map", "tracks"]);

const main = document.getElementById("main");
const filters = h("div", { class: "filter-place" });
const views = {};
let isEmpty = false;
let first = true;

function viewName() {
  return isEmpty && here.view !== "library" ? "empty" : here.view;
}

const rest = () => import("./rest.js");

async function showView() {
  const name = viewName();
  const make = name === "map" ? mapView : views[name] ? null : (await rest()).makers[name];
  if (name !== viewName()) return; // somebody went on meanwhile
  if (!views[name]) {
    views[name] = make();
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

/** What needs no server. */
function build() {
  put(
    document.getElementById("tabs"),
    VIEWS.map((view) =>
      h("a", { href: linkTo(view), "data-view": view }, icon(view), h("span", {}, WORDS[view])),
    ),
  );
  put(document.getElementById("search"), searchField());
  put(document.getElementById("top-end"), themeSwitch());
  main.append(filters);
  put(filters, filterBar());
  playerBar(document.getElementById("player"));
  document.getElementById("skip").addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
  });
  on("moved", showView);
  on("opened", async () => (await rest()).showTrack());
  on("picked", async (ids) => (await rest()).showPicked(ids));
  on("collect", async () => (await rest()).collect());
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
  on("painted", followScan);
  setTimeout(followScan, PATIENCE_MS);
  if (here.view === "map") showView();
  try {
    await asked;
  } catch (error) {
    if (error.status === 401)
      banner("token", "This page needs its token: open the address that affetto serve printed.");
  }
  if (here.view !== "map" || isEmpty) showView();
  if (here.track !== null) (await rest()).showTrack();
}

let followed = false;
async function followScan() {
  if (followed) return;
  followed = true;
  const { scanChip, watchScan } = await rest();
  document.getElementById("top-end").prepend(scanChip());
  watchScan();
}

start();
