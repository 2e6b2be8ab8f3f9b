/**
 * Shares out each topic's partitions among those members of a group that follow it. That of kafkajs gives what the
 * leader follows, and nothing else, to all members, though bridges need not know the same tenants at the same moment.
 */
import { AssignerProtocol, type PartitionAssigner } from "kafkajs";

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

/** The leader need not know what the others follow: they say how many partitions there are. */
const followerOf = ({ memberId, memberMetadata }: { memberId: string; memberMetadata: Buffer }): Follower => {
  const { topics = [], userData } = MemberMetadata.decode(memberMetadata) ?? {};
  const counts = JSON.parse(String(userData ?? "[]")) as readonly number[];
  return { memberId, topics: new Map(topics.map((topic, i) => [topic, counts[i] ?? 0])) };
};

/** What kafkajs has, and does not declare. */
interface Metadata {
  findTopicPartitionMetadata(topic: string): readonly unknown[];
}

export const byFollowers: PartitionAssigner = ({ cluster }) => ({
  name: "escapement-by-followers",
  version: VERSION,
  assign: async ({ members }) =>
    [...shareOut(members.map(followerOf))].map(([memberId, assignment]) => ({
      memberId,
      memberAssignment: MemberAssignment.encode({ version: VERSION, assignment, userData: Buffer.alloc(0) }),
    })),
  protocol({ topics }) {
    const known = cluster as unknown as Metadata;
    const counts = topics.map((topic) => known.findTopicPartitionMetadata(topic).length);
    const userData = Buffer.from(JSON.stringify(counts));
    return { name: this.name, metadata: MemberMetadata.encode({ version: VERSION, topics, userData }) };
  },
});
