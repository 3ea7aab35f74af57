// All that is not needed for the first sight of the map; fetched once that is painted.
import { emptyView, libraryView } from "./library.js";
import { listView } from "./list.js";
import { playlistsView } from "./playlists.js";
import { teachView } from "./teach.js";

export { scanChip, watchScan } from "./library.js";
export { collect, showPicked } from "./picked.js";
export { showTrack } from "./track.js";

export const makers = {
  tracks: listView,
  playlists: playlistsView,
  teach: teachView,
  library: libraryView,
  empty: emptyView,
};
