// Asks for moods and points while the page is still being read; api.js takes the answers over.
globalThis.early = {};
const onMap = /^(#\/?(map(\?.*)?)?)?$/.test(location.hash);
for (const path of onMap ? ["moods", "map?"] : ["moods"]) {
  globalThis.early[path] = fetch(`/api/${path}`);
  globalThis.early[path].catch(() => {}); // api.js asks anew, and tells of what is wrong
}
