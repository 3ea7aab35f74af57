// The library: how much there is, the scan while it runs, and what could not be heard.
import { api } from "./api.js";
import { h, refill } from "./dom.js";
import { moodColour, moods, moodTag } from "./moods.js";
import { complain, failure, say, sentence, toast } from "./notices.js";
import { emit, on } from "./state.js";
import { brief, clean, counted, number, theirs } from "./words.js";

const RUNNING = new Set(["looking", "hearing"]);
const REFRESH_MS = 5000; // how often the map takes in what a scan has heard

export const scan = { last: { stage: "idle" } };
export const isRunning = () => RUNNING.has(scan.last.stage);

/** Follow the scan wherever one is on the page. */
export function watchScan() {
  let refreshed = 0;
  let known = 0;
  api.scanEvents((event) => {
    const was = isRunning();
    scan.last = event;
    emit("scan", event);
    const now = Date.now();
    if (was && !isRunning()) {
      emit("changed");
      toast(ending(event), { bad: Boolean(event.error) });
    } else if (isRunning() && (event.heard ?? 0) > known && now - refreshed > REFRESH_MS) {
      refreshed = now;
      emit("changed");
    }
    known = event.heard ?? 0;
  });
}

function ending({ stage, heard = 0, failed = 0, error }) {
  if (error) return sentence(error);
  if (stage === "stopped") return `Scan stopped after ${counted(heard, "track")}`;
  if (!heard && !failed) return "Scan done: nothing new to hear";
  return `Scan done: ${counted(heard, "track")} heard${failed ? `, ${number(failed)} failed` : ""}`;
}

/** A word on the scan for the head of the page. */
export function scanChip() {
  const chip = h("a", { class: "scan-chip", href: "#/library", hidden: true });
  on("scan", (event) => {
    chip.hidden = !isRunning();
    refill(
      chip,
      h("i", { class: "pulse", "aria-hidden": "true" }),
      event.stage === "looking"
        ? "Looking …"
        : `${number(event.heard)} of ${number(event.to_hear)}`,
    );
    chip.setAttribute("aria-label", `Scanning: ${progressWords(event)}`);
  });
  return chip;
}

function left(seconds) {
  if (typeof seconds !== "number") return "";
  if (seconds < 60) return "less than a minute left";
  const minutes = Math.round(seconds / 60);
  return minutes < 90
    ? `about ${counted(minutes, "minute")} left`
    : `about ${counted(Math.round(minutes / 60), "hour")} left`;
}

const progressWords = (event) =>
  event.stage === "looking"
    ? `looking through ${counted(event.seen ?? 0, "file")}`
    : `${number(event.heard)} of ${counted(event.to_hear ?? 0, "track")} heard`;

/** The view. */
export function libraryView() {
  const summary = h("div", {});
  const running = h("section", { class: "running" });
  const failures = h("section", { hidden: true });
  const root = h(
    "section",
    { class: "page", "aria-label": "Library" },
    h("h1", {}, "Your library"),
    summary,
    running,
    failures,
  );

  async function load() {
    try {
      const [status, said] = await Promise.all([api.status(), api.failures()]);
      drawSummary(status);
      drawFailures(said.failures);
    } catch (error) {
      refill(summary, failure(error, load));
    }
    drawScan(scan.last);
  }

  function drawSummary(status) {
    const counts = Object.entries(status.moods ?? {})
      .filter(([, count]) => count > 0)
      .sort((a, b) => b[1] - a[1]);
    const most = Math.max(1, ...counts.map(([, count]) => count));
    const facts = [
      ["Tracks", number(status.tracks)],
      ["With a mood", number(counts.reduce((sum, [, count]) => sum + count, 0))],
      ["Corrected by you", number(status.own_labels)],
      status.waiting > 0 && ["Waiting to be heard", number(status.waiting)],
      status.missing > 0 && ["Files gone", number(status.missing)],
      status.old_analysis > 0 && ["Heard by an older version", number(status.old_analysis)],
    ].filter(Boolean);
    refill(
      summary,
      h(
        "div",
        { class: "columns" },
        h(
          "section",
          {},
          h(
            "dl",
            { class: "facts large" },
            facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
          ),
          status.folders?.length > 0 &&
            h(
              "ul",
              { class: "plain folders" },
              status.folders.map((folder) =>
                h("li", {}, theirs(typeof folder === "string" ? folder : folder.path)),
              ),
            ),
        ),
        counts.length > 0 &&
          h(
            "section",
            {},
            h("h2", {}, "Moods"),
            h(
              "ul",
              { class: "odds tall" },
              counts.slice(0, 14).map(([mood, count]) =>
                h(
                  "li",
                  {},
                  moodTag(mood),
                  h("i", {
                    class: "bar",
                    "aria-hidden": "true",
                    vars: { "--c": moodColour(mood), "--part": `${(100 * count) / most}%` },
                  }),
                  h("span", { class: "n" }, number(count)),
                ),
              ),
            ),
          ),
      ),
    );
    again.old = status.old_analysis > 0;
    if (!isRunning()) drawScan(scan.last);
  }

  function drawFailures(list) {
    failures.hidden = !list.length;
    if (!list.length) return;
    refill(
      failures,
      h("h2", {}, `${counted(list.length, "file")} could not be heard`),
      h(
        "p",
        { class: "note" },
        "They are tried again when they change, or when you ask for it above.",
      ),
      h(
        "table",
        { class: "failures" },
        h(
          "thead",
          {},
          h("tr", {}, h("th", { scope: "col" }, "File"), h("th", { scope: "col" }, "Why")),
        ),
        h(
          "tbody",
          {},
          list
            .slice(0, 200)
            .map(({ file, error }) =>
              h("tr", {}, h("td", {}, theirs(file)), h("td", {}, clean(error))),
            ),
        ),
      ),
    );
  }

  // --- The scan --------------------------------------------------------------------------

  const again = { old: false, retry: false, reanalyse: false };

  async function start() {
    try {
      await api.startScan({ retry_failed: again.retry, reanalyse: again.reanalyse });
      scan.last = { stage: "looking", seen: 0 };
      emit("scan", scan.last);
      say("The scan has started");
    } catch (error) {
      complain(error);
    }
  }

  let shape = "";
  let live = {};
  function drawScan(event) {
    const next = isRunning() ? "running" : `rest/${again.old}/${event.stage}`;
    if (next !== shape) {
      const inside = running.contains(document.activeElement);
      shape = next;
      if (isRunning()) drawRunning();
      else drawRest(event);
      if (inside) running.querySelector("button")?.focus();
    }
    if (isRunning()) follow(event);
  }

  function drawRunning() {
    live = {
      bar: h("progress", { max: "1", "aria-label": "Scan" }),
      words: h("p", { class: "lead" }),
      pace: h("p", { class: "note" }),
      file: h("p", { class: "note file" }),
    };
    refill(
      running,
      h("h2", {}, "Scanning"),
      live.words,
      live.bar,
      live.pace,
      live.file,
      h(
        "p",
        {},
        h("button", { type: "button", onclick: () => api.stopScan().catch(complain) }, "Stop"),
        h("span", { class: "note" }, " What has been heard is kept; it goes on from there."),
      ),
    );
  }

  function follow(event) {
    const words = progressWords(event);
    live.words.textContent = `${words[0].toUpperCase()}${words.slice(1)}`;
    if (event.stage === "hearing" && event.to_hear) live.bar.value = event.heard / event.to_hear;
    else live.bar.removeAttribute("value");
    live.pace.textContent = [
      event.tracks_per_s > 0 &&
        `${event.tracks_per_s.toFixed(event.tracks_per_s < 10 ? 1 : 0)} tracks a second`,
      left(event.seconds_left),
      event.failed > 0 && `${number(event.failed)} failed`,
    ]
      .filter(Boolean)
      .join(", ");
    refill(
      live.file,
      event.current ? theirs(brief(event.current.split(/[\\/]/).at(-1), 100)) : "\u00a0",
    );
  }

  function drawRest() {
    const check = (id, key, words) =>
      h(
        "label",
        { class: "check", for: id },
        h("input", {
          id,
          type: "checkbox",
          checked: again[key],
          onchange: (event) => (again[key] = event.target.checked),
        }),
        words,
      );
    refill(
      running,
      h("h2", {}, "Look for new music"),
      h(
        "p",
        {},
        "New and changed files are heard; moved ones are recognised. ",
        "Files that are as they were cost nothing.",
      ),
      h(
        "div",
        { class: "checks" },
        check("s-retry", "retry", "Try failed files again"),
        again.old && check("s-old", "reanalyse", "Hear again what an older version heard"),
      ),
      h("p", {}, h("button", { type: "button", class: "primary", onclick: start }, "Scan again")),
      h(
        "p",
        { class: "note" },
        "To add another folder: ",
        h("code", {}, "affetto library add FOLDER"),
      ),
    );
  }

  on("scan", (event) => root.hidden || drawScan(event));
  on("changed", () => root.hidden || load());
  on("moods", () => root.hidden || load());
  return { root, title: "Library", show: load };
}

/** What stands in place of the map while there is no music at all. */
export function emptyView() {
  const code = (text) => {
    const box = h("div", { class: "command" }, h("code", {}, text));
    if (navigator.clipboard) {
      box.append(
        h(
          "button",
          {
            type: "button",
            class: "quiet",
            "aria-label": `Copy ${text}`,
            onclick: () =>
              navigator.clipboard.writeText(text).then(
                () => toast("Copied"),
                () => {},
              ),
          },
          "Copy",
        ),
      );
    }
    return box;
  };
  const words = h("p", { class: "note", role: "status" });
  on("scan", (event) => {
    words.textContent = isRunning()
      ? `Scanning now: ${progressWords(event)}. The map appears with the first tracks.`
      : "";
  });
  const dots = h(
    "div",
    { class: "dots", "aria-hidden": "true" },
    moods.list.slice(0, 5).map(({ name }) => h("i", { vars: { "--c": moodColour(name) } })),
  );
  const root = h(
    "section",
    { class: "page welcome", "aria-label": "Welcome" },
    dots,
    h("h1", {}, "No music here yet"),
    h(
      "p",
      { class: "lead" },
      "Show affetto a folder of music. It listens to each track, tells its mood, and draws your ",
      "library as a map. Nothing leaves this machine, and no file is changed.",
    ),
    h("h2", {}, "In a terminal"),
    code("affetto library add ~/Music"),
    h("p", { class: "note" }, "Tracks appear here while they are heard; leave this page open."),
    words,
  );
  return { root, title: "Welcome", show() {} };
}
