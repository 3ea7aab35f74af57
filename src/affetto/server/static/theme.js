// Light and dark: as the system has it, until somebody switches.
import { iconButton, refill, icon } from "./dom.js";
import { isDark } from "./moods.js";
import { emit } from "./state.js";

const KEY = "affetto-theme";

function kept() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // Storage may be forbidden; the page works without.
  }
}

function apply(theme) {
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
}

/** The switch. */
export function themeSwitch() {
  apply(kept());
  const button = iconButton("moon", "Dark", () => {
    const theme = isDark() ? "light" : "dark";
    apply(theme);
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // Not kept, then.
    }
    show();
    emit("theme");
  });
  const show = () => {
    const label = isDark() ? "Switch to light" : "Switch to dark";
    refill(button, icon(isDark() ? "sun" : "moon"));
    button.title = label;
    button.setAttribute("aria-label", label);
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    show();
    emit("theme");
  });
  show();
  return button;
}
