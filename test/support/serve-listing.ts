/**
 * Entry of a process that answers as S3 does about one long folder: pages of 1,000 keys after a pause, and the bytes of any object.
 * Neither its memory nor its time is part of what is measured. Arguments: objects, pause in
 * milliseconds. Prints its port; ends with its parent.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { longBody, longKey, longModified, positionAfter } from "./long-folder.ts";

const [count = 0, pauseMs = 0] = process.argv.slice(2).map(Number);

/** Once, so that a page costs its server next to nothing. */
const prepared = Array.from(
  { length: count },
  (_, i) =>
    `<Contents><Key>${longKey(i)}</Key><LastModified>${longModified(i).toISOString()}</LastModified><ETag>&quot;e${i}&quot;</ETag>` +
    "<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>" +
    `<Size>${longBody.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`,
);

function page(query: URLSearchParams): string {
  const prefix = query.get("prefix") ?? "";
  const token = query.get("continuation-token");
  const first = token === null ? positionAfter(count, query.get("start-after") ?? "") : Number(token);
  const own = longKey(0).startsWith(prefix);
  const end = own ? Math.min(count, first + 1000) : first;
  const entries = prepared.slice(first, end);
  const more = own && end < count;
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>lake</Name>' +
    `<Prefix>${prefix}</Prefix>${more ? `<NextContinuationToken>${end}</NextContinuationToken>` : ""}<KeyCount>${entries.length}</KeyCount>` +
    `<MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType><IsTruncated>${more}</IsTruncated>${entries.join("")}</ListBucketResult>`
  );
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { searchParams, pathname } = new URL(request.url ?? "", "http://localhost");
  if (searchParams.has("list-type")) {
    await sleep(pauseMs);
    response.setHeader("content-type", "application/xml").end(page(searchParams));
    return;
  }
  const [, from = "0", to = ""] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
  const piece = longBody.subarray(Number(from), Number(to) + 1);
  const position = positionAfter(count, decodeURIComponent(pathname).slice("/lake/".length)) - 1;
  response.writeHead(206, {
    "content-range": `bytes ${from}-${to}/${longBody.length}`,
    "content-length": piece.length,
    etag: `"e${position}"`,
  });
  response.end(piece);
}

const server = createServer((request, response) => void answer(request, response));
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`${typeof address === "object" ? address?.port : ""}\n`);
});
process.stdin.resume().once("end", () => process.exit());
