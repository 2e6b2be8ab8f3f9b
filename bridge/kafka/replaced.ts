/** A function of kafkajs that is a module of its own, in whose place comes one of ours. */
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

export const requireKafkajs = <T>(path: string): T => require(path) as T;

/** Before anybody has called it. */
export const replaceModule = <T>(path: string, ours: (theirs: T) => T): void => {
  const theirs = requireKafkajs<T>(path);
  const module = require.cache[require.resolve(path)];
  if (module === undefined) throw new Error(`${path} is not where it was`);
  module.exports = ours(theirs);
};
