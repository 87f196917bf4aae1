/** Light or dark: what the reader chose, or else what the system prefers. */
export type Theme = 'light' | 'dark';

const KEY = 'saga.theme';

export function applyRememberedTheme(): void {
  try {
    const remembered = localStorage.getItem(KEY);
    if (remembered === 'light' || remembered === 'dark') document.documentElement.dataset.theme = remembered;
  } catch {
    // No storage: the system's preference stands.
  }
}

export function currentTheme(): Theme {
  const chosen = document.documentElement.dataset.theme as Theme | undefined;
  return chosen ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
}

export function chooseTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Chosen for this visit only.
  }
}
