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

/** The service refused a request; the message is its sentence. */
export class ServiceError extends Error {
  /**
   * @param {string} message
   * @param {number} status
   * @param {number} retryAfter  Seconds; 0 where the service names no time.
   */
  constructor(message, status, retryAfter) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }

  /** Whether the work was stopped after the service's time limit: asked again, it would be so again. */
  get isOvertime() {
    return /taken more than [\d.]+ s/.test(this.message);
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
    return whole(outputs.length === 1 ? readOne(response, outputs[0]) : readSeveral(response, outputs));
  }

  /**
   * @param {string} path
   * @returns {Promise<any>}
   */
  async json(path) {
    return whole((await this.fetch(path, {})).json());
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
      if (response.status !== 401) throw await whole(errorOf(response));
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
 * What is read from an answer; where the connection is lost meanwhile, the service is gone.
 *
 * @template T
 * @param {Promise<T>} reading
 * @returns {Promise<T>}
 */
async function whole(reading) {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof TypeError) throw new ServiceGone('The connection to the service was lost.');
    throw error;
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
 * @param {string} output
 * @returns {Promise<Answer>}
 */
async function readOne(response, output) {
  const text = response.headers.get('X-Hybridmatte-Description');
  return { description: text ? JSON.parse(text) : {}, images: { [output]: await response.blob() } };
}

/**
 * @param {Response} response
 * @param {string[]} outputs
 * @returns {Promise<Answer>}
 */
async function readSeveral(response, outputs) {
  const form = await response.formData();
  const part = form.get('description');
  const text = part instanceof File ? await part.text() : part;
  /** @type {Record<string, Blob>} */
  const images = {};
  for (const output of outputs) {
    const image = form.get(output);
    if (image instanceof File) images[output] = image;
  }
  return { description: text ? JSON.parse(text) : {}, images };
}

/** @param {Response} response */
async function errorOf(response) {
  const retryAfter = Number(response.headers.get('Retry-After')) || 0;
  let message = `The service answered with status ${response.status}.`;
  if (response.headers.get('Content-Type')?.includes('json')) {
    message = asSentence((await response.json()).error?.message ?? message);
  }
  return new ServiceError(message, response.status, retryAfter);
}

/** @param {string} text */
function asSentence(text) {
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}
