/**
 * Where the coordinators of a transaction are: kafkajs asks for one before each request to it, so that four of the nine
 * round trips of a transaction only ask. Here producers with transactions keep the answer for a moment. A coordinator
 * that has moved says so, and what is tried again then finds the new one once that moment is over.
 */
import Cluster, { type Coordinator, type CoordinatorOf } from "kafkajs/src/cluster/index.js";

const KEPT_MS = 1_000;
/** Of coordinators, as the protocol has them; nobody but such a producer asks for it. */
const TRANSACTION = 1;

interface Kept {
  readonly coordinator: Coordinator;
  readonly until: number;
}

const keptBy = new WeakMap<Cluster, Map<string, Kept>>();

export const installCoordinators = (): void => {
  const find = Cluster.prototype.findGroupCoordinatorMetadata;
  Cluster.prototype.findGroupCoordinatorMetadata = async function (of: CoordinatorOf) {
    if (of.coordinatorType === TRANSACTION && !keptBy.has(this)) keptBy.set(this, new Map());
    const kept = keptBy.get(this);
    const name = `${of.coordinatorType} ${of.groupId}`;
    const known = kept?.get(name);
    if (known && performance.now() < known.until) return known.coordinator;
    const coordinator = await find.call(this, of);
    kept?.set(name, { coordinator, until: performance.now() + KEPT_MS });
    return coordinator;
  };
};
