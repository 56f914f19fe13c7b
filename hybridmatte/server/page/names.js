/** File names in narrow places: cut in the middle, so that the ending stays in sight. */

const LONGEST_ENDING = 6; // characters, with the dot
const KEPT_BEFORE = 4; // characters before the ending, which often tell files apart

/**
 * The part of a name that may be cut, and the part that stays.
 *
 * @param {string} name
 * @returns {[string, string]}
 */
export function splitName(name) {
  const dot = name.lastIndexOf('.');
  const ending = dot > 0 && name.length - dot <= LONGEST_ENDING ? name.length - dot : 0;
  const characters = [...name];
  const cut = Math.max(0, characters.length - ending - KEPT_BEFORE);
  return [characters.slice(0, cut).join(''), characters.slice(cut).join('')];
}

/**
 * @param {HTMLElement} holder
 * @param {string} name
 */
export function showName(holder, name) {
  const [start, end] = splitName(name).map((text) => {
    const part = document.createElement('span');
    part.textContent = text;
    return part;
  });
  holder.classList.add('file-name');
  holder.title = name;
  holder.replaceChildren(start, end);
}
