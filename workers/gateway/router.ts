/**
 * The router of the gateway: it remembers what it has found. One regular expression over all routes answers with a
 * group for each of their parameters, and the paths that many requests share, such as a graph's to start lifetimes,
 * are few.
 */
import type { Result, Router } from "hono/router";
import { RegExpRouter } from "hono/router/reg-exp-router";
import { SmartRouter } from "hono/router/smart-router";
import { TrieRouter } from "hono/router/trie-router";
import { ROUTES_KEPT_MAX } from "../../src/limits.ts";

export class RememberingRouter<T> implements Router<T> {
  readonly name = "RememberingRouter";
  readonly #router = new SmartRouter<T>({ routers: [new RegExpRouter(), new TrieRouter()] });
  readonly #found = new Map<string, Result<T>>();

  add(method: string, path: string, route: T): void {
    this.#router.add(method, path, route);
  }

  match(method: string, path: string): Result<T> {
    const key = `${method} ${path}`;
    const known = this.#found.get(key);
    if (known) return known;
    const found = this.#router.match(method, path);
    // Nothing of it is lost but time, so the oldest need not be told from the rest.
    if (this.#found.size >= ROUTES_KEPT_MAX) this.#found.clear();
    if (path.length <= PATH_CHARS_KEPT_MAX) this.#found.set(key, found);
    return found;
  }
}

/** A longer path is seldom asked for twice, and would be kept whole. */
const PATH_CHARS_KEPT_MAX = 512;
