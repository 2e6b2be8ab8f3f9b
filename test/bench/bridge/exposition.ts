/** What an exposition of metrics says. */

/** Total of a metric, over all its labels. */
export const counted = (metrics: string, name: string): number =>
  metrics
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);

/** Of a histogram's series with this label, how many were at most each bound. */
export const buckets = (metrics: string, name: string, label: string): readonly [number, number][] =>
  metrics.split("\n").flatMap((line): [number, number][] => {
    if (!line.startsWith(`${name}_bucket{`) || !line.includes(label)) return [];
    const bound = /le="([^"]+)"/.exec(line)?.[1] ?? "";
    return [[bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound), Number(line.split(" ").at(-1))]];
  });

/** What was at most the answer for this share of what came between two looks: a straight line between two bounds. */
export const quantile = (
  before: readonly [number, number][],
  after: readonly [number, number][],
  share: number,
): number => {
  const counts = after.map(([bound, count], i): [number, number] => [bound, count - (before[i]?.[1] ?? 0)]);
  const wanted = share * (counts.at(-1)?.[1] ?? 0);
  let [low, below] = [0, 0];
  for (const [bound, count] of counts) {
    if (count >= wanted) return low + ((bound - low) * (wanted - below)) / Math.max(1, count - below);
    [low, below] = [bound, count];
  }
  return Number.NaN;
};
