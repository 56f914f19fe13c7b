/** Dark or light: as the system, until one is chosen; the choice is kept in this browser. */

const KEY = 'hybridmatte-theme';

/**
 * @param {() => void} onChange
 * @returns {() => void} Changes to the other one.
 */
export function bindTheme(onChange) {
  const system = matchMedia('(prefers-color-scheme: light)');
  const root = document.documentElement;
  const apply = () => {
    root.dataset.theme = localStorage.getItem(KEY) ?? (system.matches ? 'light' : 'dark');
    onChange();
  };
  system.addEventListener('change', apply);
  apply();
  return () => {
    localStorage.setItem(KEY, root.dataset.theme === 'light' ? 'dark' : 'light');
    apply();
  };
}
