/** A certificate authority for one broker, and what it has signed: the broker's certificate and a client's. */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface Certificates {
  readonly ca: string;
  readonly clientCertificate: string;
  readonly clientKey: string;
}

const DAYS = "2";
const KEY = ["-newkey", "rsa:2048", "-nodes"];

/** Files in the folder, by path; `broker.pem` has key and certificate, as the broker reads them. */
export const makeCertificates = async (folder: string): Promise<Certificates> => {
  const file = (name: string) => join(folder, name);
  const openssl = (...args: readonly string[]) => run("openssl", args);
  const ca = ["-keyout", file("ca.key"), "-out", file("ca.pem"), "-subj", "/CN=ca", "-days", DAYS];
  await openssl("req", "-x509", ...KEY, ...ca);
  for (const name of ["broker", "client"]) {
    const to = ["-keyout", file(`${name}.key`), "-out", file(`${name}.csr`), "-subj", `/CN=${name}`];
    await openssl("req", ...KEY, ...to);
    await writeFile(file(`${name}.ext`), "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
    const by = ["-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-CAcreateserial", "-days", DAYS];
    const out = ["-extfile", file(`${name}.ext`), "-out", file(`${name}.crt`)];
    await openssl("x509", "-req", "-in", file(`${name}.csr`), ...by, ...out);
  }
  const [key, certificate] = await Promise.all([
    readFile(file("broker.key"), "utf8"),
    readFile(file("broker.crt"), "utf8"),
  ]);
  await writeFile(file("broker.pem"), key + certificate);
  return { ca: file("ca.pem"), clientCertificate: file("client.crt"), clientKey: file("client.key") };
};
