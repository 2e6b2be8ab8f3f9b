/**
 * Deleting a tenant is a state, not an act: it refuses what comes, drops what is in flight, and deletes in
 * slices until nothing is left but the tombstone with its generation (design, 15).
 */
import { REMOVAL_ROWS_MAX } from "../../src/limits.ts";
import { tenantPrefix } from "../../src/wire/reference.ts";
import { deleteBlobs } from "../blobs/remove.ts";
import type { Engine } from "./engine.ts";
import type { Identity } from "./identity.ts";
import type { ProjectedAddress } from "./projector.ts";
import { TABLE_KEYS } from "./schema.ts";

export interface RemovalPort {
  /** Deletes some of the tenant's rows; answers whether more are left. It stays listed where that is asked. */
  removeSlice(address: ProjectedAddress, staysListed: boolean): Promise<boolean>;
}

export interface RemovalPorts {
  readonly projection: RemovalPort;
  readonly blobs: R2Bucket;
  now(): number;
}

/** Until it is tried again, where something failed. */
const AGAIN_MS = 1_000;

export class Removal {
  readonly #storage: DurableObjectStorage;
  readonly #engine: Engine;
  readonly #ports: RemovalPorts;
  #running: Promise<void> | undefined;

  constructor(storage: DurableObjectStorage, engine: Engine, ports: RemovalPorts) {
    this.#storage = storage;
    this.#engine = engine;
    this.#ports = ports;
  }

  /** To the end, unless something fails: the alarm is the promise that it goes on then. Never throws. */
  run(): Promise<void> {
    // Not awaited: whatever could come between would find this half begun.
    void this.#storage.setAlarm(this.#ports.now() + AGAIN_MS);
    this.#running ??= this.#removeAll()
      .catch((cause) => this.#engine.watch.say("error", "removal_failed", { detail: String(cause) }))
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  async #removeAll(): Promise<void> {
    for (;;) {
      const began = this.#engine.identity;
      if (began === undefined || began.status === "ACTIVE") return;
      while (await this.#removeOutside(began));
      while (emptySlice(this.#storage)) await this.#storage.sync();
      const identity = this.#engine.identity ?? began;
      // Whether its topics go too was settled otherwise meanwhile.
      if ((identity.topics === undefined) !== (began.topics === undefined)) continue;
      await this.#end(identity);
      return;
    }
  }

  async #end(identity: Identity): Promise<void> {
    const { topics, generation } = identity;
    this.#engine.identify(
      topics ? { ...identity, topics: { ...topics, ready: true } } : { ...identity, status: "DELETED" },
    );
    this.#engine.reset();
    await this.#storage.deleteAlarm();
    if (topics?.ready) return;
    this.#engine.watch.say("info", topics ? "topics_to_be_deleted" : "tenant_deleted", { generation });
  }

  /** One slice of what lies outside of the object; answers whether more is left. */
  async #removeOutside(identity: Identity): Promise<boolean> {
    const more = await this.#ports.projection.removeSlice(identity, identity.topics !== undefined);
    const moreBlobs = await deleteBlobs(this.#ports.blobs, tenantPrefix(identity.tenant));
    return more || moreBlobs;
  }
}

/** One slice of the object's own tables, which its identity is not in; answers whether more is left. */
const emptySlice = ({ sql }: DurableObjectStorage): boolean => {
  for (const [table, key] of Object.entries(TABLE_KEYS)) {
    const some = `SELECT ${key} FROM ${table} LIMIT ${REMOVAL_ROWS_MAX}`;
    if (sql.exec(`DELETE FROM ${table} WHERE (${key}) IN (${some})`).rowsWritten > 0) return true;
  }
  return false;
};
