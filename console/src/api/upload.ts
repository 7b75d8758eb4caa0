// Files that somebody brings: a line of JSON that says what is wanted, and after it the file, as the API takes them.
import { POST, read, type Schemas } from './client';

export type Preview = Schemas['UploadPreview'];
export type Loaded = Schemas['FileLoaded'];
export type Kind = 'identifier' | 'trait' | 'property' | 'consent' | 'time' | 'id' | 'none';
export type Change = { column: string; kind: Kind; name: string };

const HEAD_BYTES = 512 * 1024;
const LINES = /\.(csv|tsv|txt|jsonl|ndjson)$/i;

const sent = { bodySerializer: (body: unknown) => body as Blob, headers: { 'Content-Type': 'application/octet-stream' } };

function body(said: unknown, file: Blob): string {
  return new Blob([JSON.stringify(said), '\n', file]) as unknown as string;
}

/** The beginning of a file of lines, up to a whole one; every other file whole. And about how many lines the file has. */
export async function beginning(file: File): Promise<{ head: Blob; lines: number | null }> {
  if (!LINES.test(file.name)) return { head: file, lines: null };
  const head = file.slice(0, HEAD_BYTES);
  const bytes = new Uint8Array(await head.arrayBuffer());
  const lines = bytes.reduce((count, byte) => count + (byte === 10 ? 1 : 0), 0);
  if (head.size === file.size || lines === 0) return { head: file, lines };
  return { head: file.slice(0, bytes.lastIndexOf(10) + 1), lines: Math.round((lines * file.size) / head.size) };
}

export function preview(file: File, head: Blob, source: string, mapping?: string, columns: Change[] = []): Promise<Preview> {
  return read(POST('/api/v1/sources/preview', { ...sent, body: body({ file: file.name, source, mapping, columns }, head) }));
}

export function load(file: File, source: string, mapping: string, known: boolean): Promise<Loaded> {
  const params = { path: { source } };
  return read(POST('/api/v1/sources/{source}/load', { ...sent, params, body: body({ file: file.name, mapping, new: !known }, file) }));
}
