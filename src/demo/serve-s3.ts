/** Entry of the process that serves the demo's S3 after the demo has ended: prints its port, ends at SIGTERM. */
import { serveS3 } from "./s3-server.ts";

const server = await serveS3(Number(process.argv[2] ?? 0));
// One listener for both: the terminal's ^C and the printed `kill`.
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void server.stop());
process.stdout.write(`${server.port}\n`);
