/** A connection over which a cluster is asked about itself, and told: for those that do, which share nothing else. */
import type { Admin, Kafka } from "kafkajs";

export class Administration {
  protected readonly admin: Admin;

  constructor(kafka: Kafka) {
    this.admin = kafka.admin();
  }

  connect(): Promise<void> {
    return this.admin.connect();
  }

  async close(): Promise<void> {
    await this.admin.disconnect().catch(() => {});
  }
}
