// All that is asked of the server; knows when it is gone and when it is back.

const listeners = new EventTarget();
let gone = false;

/** What the server refused, in its own words. */
export class ApiError extends Error {
  constructor(message, { status = 0, todo = null } = {}) {
    super(message);
    this.status = status;
    this.todo = todo;
  }
}

/** Be told "gone" and "back". */
export const onConnection = (name, call) => listeners.addEventListener(name, call);

function lost() {
  if (gone) return;
  gone = true;
  listeners.dispatchEvent(new Event("gone"));
  let pause_ms = 1000;
  const knock = async () => {
    try {
      const answer = await fetch("/api/health", { cache: "no-store" });
      if (answer.ok) {
        gone = false;
        listeners.dispatchEvent(new Event("back"));
        return;
      }
    } catch {
      // Still gone.
    }
    pause_ms = Math.min(pause_ms * 1.5, 8000);
    setTimeout(knock, pause_ms);
  };
  setTimeout(knock, pause_ms);
}

async function refusal(answer) {
  let said = {};
  try {
    said = (await answer.json()).error ?? {};
  } catch {
    // Not the server's usual form; the status has to do.
  }
  if (answer.status === 401) {
    return new ApiError("this page needs its token", {
      status: 401,
      todo: "open the address that affetto serve printed",
    });
  }
  return new ApiError(said.message ?? `the server answered ${answer.status}`, {
    status: answer.status,
    todo: said.do ?? null,
  });
}

/** What early.js asked for, once: an answer that came well. */
async function taken(path) {
  const asked = globalThis.early?.[path];
  if (!asked) return null;
  delete globalThis.early[path];
  try {
    const answer = await asked;
    return answer.ok ? answer : null;
  } catch {
    return null;
  }
}

async function ask(path, { method = "GET", body, signal } = {}) {
  let answer = await taken(path);
  try {
    answer ??= await fetch(`/api/${path}`, {
      method,
      signal,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    lost();
    throw new ApiError("the server does not answer", { todo: "is affetto serve still running?" });
  }
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

const json = async (path, options) => {
  const answer = await ask(path, options);
  const content = await answer.json();
  return answer.status === 202 && content?.pending ? null : content;
};
const post = (path, body = {}) => json(path, { method: "POST", body });

export const api = {
  status: () => json("status"),
  moods: () => json("moods"),
  tracks: (query, signal) => json(`tracks?${query}`, { signal }),
  track: (id, signal) => json(`tracks/${id}`, { signal }),
  /** Null while it is being computed. */
  timeline: (id, signal) => json(`tracks/${id}/timeline`, { signal }),
  audio: (id) => `/api/tracks/${id}/audio`,
  correct: (id, mood) => json(`tracks/${id}/mood`, { method: "PUT", body: { mood } }),
  map: (query, signal) => json(`map?${query}`, { signal }),
  playlists: () => json("playlists"),
  preview: (body, signal) => json("playlists/preview", { method: "POST", body, signal }),
  scan: () => json("scan"),
  startScan: (options) => post("scan", options),
  stopScan: () => post("scan/stop"),
  failures: () => json("failures"),
  teach: () => json("teach"),
  train: () => post("teach"),
  adopt: () => post("teach/adopt"),
  discard: () => post("teach/discard"),
  revert: () => post("teach/revert"),

  /** A playlist as a file, handed to the browser as any download. */
  async download(body) {
    const answer = await ask("playlists/file", { method: "POST", body });
    const address = URL.createObjectURL(await answer.blob());
    const link = document.createElement("a");
    link.href = address;
    link.download =
      fileName(answer.headers.get("Content-Disposition")) ?? `playlist.${body.format}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
    return link.download;
  },

  /** Events of a scan, while somebody looks at the page: each stream holds a connection. */
  scanEvents(heard) {
    let stream = null;
    const open = () => {
      if (stream || document.hidden) return;
      stream = new EventSource("/api/scan/events");
      stream.onmessage = (message) => heard(JSON.parse(message.data));
      stream.onerror = () => {
        if (stream?.readyState === EventSource.CLOSED) close();
        fetch("/api/health", { cache: "no-store" }).catch(lost);
      };
    };
    const close = () => {
      stream?.close();
      stream = null;
    };
    document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
    onConnection("gone", close);
    onConnection("back", open);
    open();
  },
};

function fileName(disposition) {
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(disposition ?? "");
  if (encoded) {
    try {
      return decodeURIComponent(encoded[1]);
    } catch {
      // Fall through to the plain name.
    }
  }
  return /filename="([^"]+)"/i.exec(disposition ?? "")?.[1] ?? null;
}
