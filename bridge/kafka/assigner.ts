/**
 * Shares out each topic's partitions among those members of a group that follow it, and which of them writes what goes
 * out of each tenant. That of kafkajs gives what the leader follows, and nothing else, to all members, though bridges need
 * not know the same tenants at the same moment.
 */
import { AssignerProtocol, type PartitionAssigner } from "kafkajs";
import { type Candidate, leadersOf } from "./leaders.ts";

export interface Follower {
  readonly memberId: string;
  /** Partitions by topic, as it knows them. */
  readonly topics: ReadonlyMap<string, number>;
}

type Assignment = Record<string, number[]>;

/** By member; who has least gets the next. The same for the same members, in whatever order they come. */
export const shareOut = (members: readonly Follower[]): ReadonlyMap<string, Assignment> => {
  const sorted = [...members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const shares = new Map(sorted.map(({ memberId }) => [memberId, { count: 0, topics: {} as Assignment }]));
  const followers = new Map<string, { partitions: number; members: string[] }>();
  for (const { memberId, topics } of sorted)
    for (const [topic, partitions] of topics) {
      const found = followers.get(topic) ?? { partitions: 0, members: [] };
      found.partitions = Math.max(found.partitions, partitions);
      found.members.push(memberId);
      followers.set(topic, found);
    }
  for (const [topic, { partitions, members: ids }] of [...followers].sort(([a], [b]) => (a < b ? -1 : 1)))
    for (let partition = 0; partition < partitions; partition++) {
      const candidates = ids.flatMap((id) => shares.get(id) ?? []);
      const least = candidates.reduce((one, other) => (other.count < one.count ? other : one));
      least.count++;
      least.topics[topic] ??= [];
      least.topics[topic].push(partition);
    }
  return new Map([...shares].map(([id, { topics }]) => [id, topics]));
};

const VERSION = 1;
const { MemberAssignment, MemberMetadata } = AssignerProtocol;

/** What a member could write for, and what it does write for. */
export type Standing = Omit<Candidate, "memberId">;

/** What members say beside the topics that they follow: how many partitions each has, as the leader need not know it. */
interface Said extends Standing {
  readonly partitions: readonly number[];
}

type Member = { readonly memberId: string; readonly memberMetadata: Buffer };

const readMember = ({ memberId, memberMetadata }: Member): Follower & Candidate => {
  const { topics: names = [], userData } = MemberMetadata.decode(memberMetadata) ?? {};
  const { partitions, tenants, leads } = JSON.parse(String(userData)) as Said;
  return { memberId, topics: new Map(names.map((name, i) => [name, partitions[i] ?? 0])), tenants, leads };
};

/** What a member is to write for; undefined where its assignment does not say. */
export const readLeads = (memberAssignment: Buffer): readonly string[] | undefined => {
  const { userData } = MemberAssignment.decode(memberAssignment) ?? {};
  return userData && JSON.parse(String(userData));
};

/** What kafkajs has, and does not declare. */
interface Metadata {
  findTopicPartitionMetadata(topic: string): readonly unknown[];
}

/** `standing` is asked each time that the group shares out anew. */
export const byFollowers =
  (standing: () => Standing): PartitionAssigner =>
  ({ cluster }) => ({
    name: "escapement-by-followers",
    version: VERSION,
    assign: async ({ members }) => {
      const read = members.map(readMember);
      const leads = leadersOf(read);
      return [...shareOut(read)].map(([memberId, assignment]) => {
        const userData = Buffer.from(JSON.stringify(leads.get(memberId) ?? []));
        return {
          memberId,
          memberAssignment: MemberAssignment.encode({ version: VERSION, assignment, userData }),
        };
      });
    },
    protocol({ topics }) {
      const known = cluster as unknown as Metadata;
      const partitions = topics.map((topic) => known.findTopicPartitionMetadata(topic).length);
      const said: Said = { partitions, ...standing() };
      const userData = Buffer.from(JSON.stringify(said));
      return { name: this.name, metadata: MemberMetadata.encode({ version: VERSION, topics, userData }) };
    },
  });
