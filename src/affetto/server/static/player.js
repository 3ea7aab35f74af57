// One player for the whole page: what sounds, what comes next, and its controls.
import { api, ApiError } from "./api.js";
import { h, icon, iconButton, refill } from "./dom.js";
import { swatch } from "./moods.js";
import { complain, say } from "./notices.js";
import { emit, on, openTrack } from "./state.js";
import { artistOf, brief, clock, nameOf, spoken, theirs } from "./words.js";

const audio = new Audio();
audio.preload = "none";

export const player = {
  id: null,
  track: null,
  heard: new Set(),
  audio,
  play,
  playAll,
  toggle,
  seek,
};

let queue = []; // ids
let place = -1;
let follow = null; // id → the next id, where no list says what comes next
let bar = null;

/** Play one track; a second call for it pauses and goes on. */
function play(id, { follow: next = null, queue: ids = null } = {}) {
  follow = next;
  queue = ids ?? [id];
  place = Math.max(0, queue.indexOf(id));
  if (id === player.id && !audio.error) {
    toggle();
    return;
  }
  start(id);
}

/** Play a list from one of its tracks on. */
function playAll(ids, from = 0) {
  if (!ids.length) return;
  follow = null;
  queue = ids;
  place = from;
  start(ids[from]);
}

async function start(id) {
  player.id = id;
  player.track = null;
  player.heard.add(id);
  audio.src = api.audio(id);
  emit("heard", id);
  const started = audio.play().catch((error) => {
    // Stopped by the next track: no failure. A file that cannot be had tells so itself.
    if (error.name === "NotAllowedError") say("Press play to hear it");
  });
  try {
    const track = await api.track(id);
    if (player.id !== id) return;
    player.track = track;
    show();
    announce(track);
  } catch (error) {
    complain(error);
  }
  await started;
}

function toggle() {
  if (audio.error) start(player.id);
  else if (audio.paused) audio.play().catch(() => {});
  else audio.pause();
}

function seek(seconds) {
  if (Number.isFinite(seconds))
    audio.currentTime = Math.max(0, Math.min(seconds, audio.duration || seconds));
}

function step(by) {
  if (queue[place + by] !== undefined) {
    place += by;
    start(queue[place]);
  } else if (by > 0 && follow) {
    const id = follow(player.id);
    if (id === null) return;
    queue.push(id);
    place = queue.length - 1;
    start(id);
  } else if (by < 0) seek(0);
}

function announce(track) {
  if (!("mediaSession" in navigator)) return;
  navigator.mediaSession.metadata = new MediaMetadata({
    title: brief(nameOf(track)),
    artist: brief(artistOf(track)),
  });
  navigator.mediaSession.setActionHandler("nexttrack", () => step(1));
  navigator.mediaSession.setActionHandler("previoustrack", () => step(-1));
}

/** The bar at the foot of the page. */
export function playerBar(root) {
  const title = h("button", {
    type: "button",
    class: "now",
    onclick: () => player.id !== null && openTrack(player.id),
  });
  const playing = iconButton("play", "Play", toggle, { class: "sign round" });
  const back = iconButton("back", "Track before", () =>
    audio.currentTime > 4 ? seek(0) : step(-1),
  );
  const next = iconButton("next", "Next track", () => step(1));
  const slider = h("input", {
    type: "range",
    class: "seek",
    min: "0",
    max: "1000",
    step: "1",
    value: "0",
    "aria-label": "Place in the track",
    oninput: () => seek((slider.value / 1000) * length()),
  });
  const now = h("span", { class: "time" }, "0:00");
  const whole = h("span", { class: "time" }, "0:00");
  refill(
    root,
    h("div", { class: "controls" }, back, playing, next),
    title,
    h("div", { class: "seeking" }, now, slider, whole),
  );

  const length = () =>
    Number.isFinite(audio.duration) ? audio.duration : (player.track?.duration_ms ?? 0) / 1000;
  const tick = () => {
    const total = length();
    slider.value = total ? Math.round((1000 * audio.currentTime) / total) : 0;
    slider.style.setProperty("--done", `${slider.value / 10}%`);
    slider.setAttribute("aria-valuetext", `${spoken(audio.currentTime)} of ${spoken(total)}`);
    now.textContent = clock(audio.currentTime);
    whole.textContent = clock(total);
    emit("tick", audio.currentTime);
  };
  const state = () => {
    const label = audio.paused ? "Play" : "Pause";
    refill(playing, icon(audio.paused ? "play" : "pause"));
    playing.title = label;
    playing.setAttribute("aria-label", label);
    emit("sounding", !audio.paused);
  };
  bar = () => {
    root.hidden = player.id === null;
    const { track } = player;
    refill(
      title,
      track
        ? [
            swatch(track.mood),
            h(
              "span",
              { class: "two" },
              h("strong", {}, theirs(nameOf(track))),
              h("span", {}, theirs(artistOf(track))),
            ),
          ]
        : h("span", { class: "two" }, h("strong", {}, "…")),
    );
    title.setAttribute("aria-label", track ? `Open ${brief(nameOf(track))}` : "Loading");
    next.disabled = queue[place + 1] === undefined && !follow;
    tick();
  };
  audio.addEventListener("timeupdate", tick);
  audio.addEventListener("durationchange", tick);
  audio.addEventListener("play", state);
  audio.addEventListener("pause", state);
  audio.addEventListener("ended", () => step(1));
  audio.addEventListener("error", vanished);
  on("heard", () => show());
  on("corrected", (track) => {
    if (track.id === player.id) {
      player.track = { ...player.track, ...track };
      show();
    }
  });
}

const show = () => bar?.();

/** The file could not be had or not be played: say which, and go on. */
async function vanished() {
  if (player.id === null) return;
  audio.pause();
  const id = player.id;
  const name = player.track ? brief(nameOf(player.track), 60) : "This track";
  let error = new ApiError(`${name} cannot be played by this browser`, {
    todo: "its file type is not one it knows",
  });
  try {
    const answer = await fetch(api.audio(id), { method: "HEAD" });
    if (answer.status === 404 || answer.status === 410) {
      error = new ApiError(`The file of ${name} is not there any more`, {
        todo: "scan again under Library to tidy up",
      });
    }
  } catch {
    error = new ApiError("the server does not answer");
  }
  if (player.id !== id) return;
  complain(error);
  if (queue[place + 1] !== undefined) step(1);
}
