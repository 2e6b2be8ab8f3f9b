/** The settings of a broker of one's own: one process, one replica of everything, loopback only. */
import { join } from "node:path";

const HOST = "127.0.0.1";

export interface Ports {
  readonly plain: number;
  readonly controller: number;
  /** SASL over TLS, and TLS with client certificates. */
  readonly sasl?: number;
  readonly tls?: number;
}

export interface SaslUser {
  readonly username: string;
  readonly password: string;
}

const login = (mechanism: string, module: string, rest = "") => ({
  [`listener.name.sasl.${mechanism}.sasl.jaas.config`]: `org.apache.kafka.common.security.${module} required ${rest};`,
});

const securedProperties = (folder: string, { username, password }: SaslUser) => ({
  // Whoever else comes may do what ACLs allow.
  "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
  "super.users": `User:ANONYMOUS;User:${username};User:CN=client`,
  "listener.name.sasl.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
  ...login("plain", "plain.PlainLoginModule", `user_${username}="${password}"`),
  ...login("scram-sha-256", "scram.ScramLoginModule"),
  ...login("scram-sha-512", "scram.ScramLoginModule"),
  // Takes tokens that nobody has signed: enough to see that they are sent.
  ...login("oauthbearer", "oauthbearer.OAuthBearerLoginModule", 'unsecuredLoginStringClaim_sub="broker"'),
  "listener.name.sasl.oauthbearer.sasl.server.callback.handler.class":
    "org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler",
  "listener.name.tls.ssl.client.auth": "required",
  "ssl.keystore.type": "PEM",
  "ssl.keystore.location": join(folder, "broker.pem"),
  "ssl.truststore.type": "PEM",
  "ssl.truststore.location": join(folder, "ca.pem"),
});

/** The second of a cluster is no controller: its own is that of the first. */
export const brokerProperties = (folder: string, ports: Ports, user: SaslUser, second = false): string => {
  const listeners = Object.entries(ports)
    .filter(([name]) => !second || name !== "controller")
    .map(([name, port]) => `${name.toUpperCase()}://${HOST}:${port}`);
  const properties = {
    "process.roles": second ? "broker" : "broker,controller",
    "node.id": second ? 2 : 1,
    "controller.quorum.voters": `1@${HOST}:${ports.controller}`,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAIN",
    listeners: listeners.join(),
    "listener.security.protocol.map": "PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_SSL,TLS:SSL",
    "log.dirs": join(folder, "log"),
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 4,
    "group.initial.rebalance.delay.ms": 0,
    "auto.create.topics.enable": false,
    ...(ports.sasl === undefined ? {} : securedProperties(folder, user)),
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
};
