// The theme: the system's, unless one was chosen in this browser.
import { signal } from "./vendor/preact.js";

const KEY = "browsee-adapter theme";

/** "system", "light" or "dark". */
export const theme = signal("system");
try {
  theme.value = localStorage.getItem(KEY) ?? "system";
} catch {
  // A browser without storage has no choice kept.
}

/** @param {string} name */
export function setTheme(name) {
  theme.value = name;
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // A browser without storage forgets the choice with the page.
  }
}

theme.subscribe((name) => {
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
});
