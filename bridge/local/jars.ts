/** Apache Kafka as jars of Maven Central, fetched once into a cache folder of this machine. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export const KAFKA_VERSION = "4.1.1";
const JAVA_MAJOR_MIN = 17;
const FETCH_MS_MAX = 300_000;
const POM = `<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>escapement</groupId><artifactId>broker</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version>
  </dependency></dependencies>
</project>
`;

const cacheFolder = () =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "escapement", `kafka-${KAFKA_VERSION}`);

/** What is missing to run the jars; undefined where nothing is. */
export const missingForJars = async (): Promise<string | undefined> => {
  const java = await run("java", ["-version"]).catch(() => undefined);
  const major = Number(/version "(\d+)/.exec(java?.stderr ?? "")?.[1]);
  if (!(major >= JAVA_MAJOR_MIN)) return `Java ${JAVA_MAJOR_MIN} or newer`;
  if (existsSync(cacheFolder())) return undefined;
  return (await run("mvn", ["-version"]).catch(() => undefined)) === undefined ? "Maven" : undefined;
};

/** The class path. Several processes may fetch at once: the first that is done is kept. */
export const fetchJars = async (): Promise<string> => {
  const folder = cacheFolder();
  if (!existsSync(folder)) {
    await mkdir(dirname(folder), { recursive: true });
    const fresh = await mkdtemp(`${folder}-`);
    try {
      await writeFile(join(fresh, "pom.xml"), POM);
      const goal = [
        "-q",
        "-B",
        "dependency:copy-dependencies",
        "-DincludeScope=runtime",
        "-DoutputDirectory=libs",
      ];
      await run("mvn", goal, { cwd: fresh, timeout: FETCH_MS_MAX });
      await rename(join(fresh, "libs"), folder).catch((error) => {
        if (!existsSync(folder)) throw error;
      });
    } finally {
      await rm(fresh, { recursive: true, force: true });
    }
  }
  return join(folder, "*");
};
