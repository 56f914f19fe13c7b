/** Requests to the service. Each carries all that it needs; an answer is pictures and their description. */

/**
 * @typedef {object} Description
 * @property {number} [width]
 * @property {number} [height]
 * @property {number} [seconds]
 * @property {boolean} [found]
 * @property {string} [method]
 * @property {string[]} [warnings]
 *
 * @typedef {{description: Description, images: Record<string, Blob>}} Answer
 * @typedef {Record<string, string | number | string[]>} Query
 */

const TIME_LIMIT = 'time limit';
const UNREADABLE = 'The answer of the service cannot be read.';

/** The service refused a request; the message is its sentence. */
export class ServiceError extends Error {
  /**
   * @param {string} message
   * @param {number} status
   * @param {number} retryAfter  Seconds; 0 where the service names no time.
   * @param {string} [kind]  As the service calls it.
   */
  constructor(message, status, retryAfter, kind = '') {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
    this.kind = kind;
  }

  /** Whether the work was stopped after the service's time limit: asked again, it would be so again. */
  get isOvertime() {
    return this.kind === TIME_LIMIT;
  }
}

const KEPT_AS = 'hybridmatte-token'; // until the tab is closed

/** Nothing answered. */
export class ServiceGone extends Error {}

export class Service {
  /** @param {(refused: string) => Promise<string>} askToken */
  constructor(askToken) {
    this.askToken = askToken;
    /** @type {Promise<string> | null} */
    this.asking = null;
    const given = new URLSearchParams(location.hash.slice(1)).get('token');
    if (given) history.replaceState(null, '', location.pathname); // not to be seen, nor kept as a bookmark
    this.token = given ?? sessionStorage.getItem(KEPT_AS) ?? '';
    if (given) sessionStorage.setItem(KEPT_AS, given);
  }

  /**
   * Ask for a token, once for all requests that wait for it.
   *
   * @param {string} refused
   */
  async renewToken(refused) {
    if (this.token !== refused) return; // another request has brought one
    this.asking ??= this.askToken(refused);
    this.token = await this.asking;
    this.asking = null;
    sessionStorage.setItem(KEPT_AS, this.token);
  }

  /**
   * Pictures from the service.
   *
   * @param {string} path
   * @param {Record<string, Blob>} files
   * @param {Query} query  `output` names the pictures, separated by commas.
   * @param {AbortSignal} [signal]
   * @returns {Promise<Answer>}
   */
  async ask(path, files, query, signal) {
    const body = new FormData();
    for (const [name, file] of Object.entries(files)) {
      body.append(name, file, file instanceof File ? file.name : `${name}.png`);
    }
    const response = await this.fetch(`${path}?${encodeQuery(query)}`, { method: 'POST', body, signal });
    const outputs = String(query.output ?? 'image').split(',');
    const data = await bodyOf(response);
    if (outputs.length > 1) return readSeveral(response, data, outputs);
    const text = response.headers.get('X-Hybridmatte-Description') ?? '{}';
    return { description: parsed(text), images: { [outputs[0]]: data } };
  }

  /**
   * @param {string} path
   * @returns {Promise<any>}
   */
  async json(path) {
    const data = await bodyOf(await this.fetch(path, {}));
    return parsed(await data.text());
  }

  /**
   * An answer; where the service wants another token, after that was asked for.
   *
   * @param {string} path
   * @param {RequestInit} init
   */
  async fetch(path, init) {
    for (;;) {
      const { token } = this;
      const response = await this.send(path, init);
      if (response.ok) return response;
      if (response.status !== 401) throw await errorOf(response);
      await this.renewToken(token);
    }
  }

  /**
   * @param {string} path
   * @param {RequestInit} init
   */
  async send(path, init) {
    const headers = this.token ? { Authorization: `Bearer ${this.token}` } : undefined;
    try {
      return await fetch(path, { ...init, headers });
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') throw error;
      throw new ServiceGone('The service does not answer.');
    }
  }
}

/**
 * The body of an answer; where the connection is lost meanwhile, the service is gone.
 *
 * @param {Response} response
 */
async function bodyOf(response) {
  try {
    return await response.blob();
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ServiceGone('The connection to the service was lost.');
  }
}

/**
 * @param {string} text
 * @returns {any}
 */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(UNREADABLE);
  }
}

/** @param {Query} query */
function encodeQuery(query) {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) pairs.append(name, String(one));
  }
  return pairs.toString();
}

/**
 * @param {Response} response
 * @param {Blob} data  Its body.
 * @param {string[]} outputs
 * @returns {Promise<Answer>}
 */
async function readSeveral(response, data, outputs) {
  const form = await formOf(response, data);
  const part = form.get('description');
  const text = part instanceof File ? await part.text() : part;
  /** @type {Record<string, Blob>} */
  const images = {};
  for (const output of outputs) {
    const image = form.get(output);
    if (image instanceof File) images[output] = image;
  }
  return { description: parsed(text ?? '{}'), images };
}

/**
 * @param {Response} response
 * @param {Blob} data
 */
async function formOf(response, data) {
  const headers = { 'Content-Type': response.headers.get('Content-Type') ?? '' }; // a blob has its boundary in small letters
  try {
    return await new Response(data, { headers }).formData();
  } catch {
    throw new Error(UNREADABLE);
  }
}

/** @param {Response} response */
async function errorOf(response) {
  const retryAfter = Number(response.headers.get('Retry-After')) || 0;
  const data = await bodyOf(response);
  const isJson = response.headers.get('Content-Type')?.includes('json');
  const { message, kind } = (isJson && parsed(await data.text())?.error) || {};
  const sentence = message ? asSentence(message) : `The service answered with status ${response.status}.`;
  return new ServiceError(sentence, response.status, retryAfter, kind);
}

/** @param {string} text */
function asSentence(text) {
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}
