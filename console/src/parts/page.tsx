// The frame of a screen: heading, tables, and where the same is as JSON and CSV.
import type { ReactNode } from 'react';
import { useEffect } from 'react';

export function Page({
  title, about, actions, json, children,
}: {
  title: ReactNode;
  about?: ReactNode;
  actions?: ReactNode;
  json?: string;
  children: ReactNode;
}) {
  useEffect(() => {
    document.title = typeof title === 'string' ? `${title} · Onefold` : 'Onefold';
  }, [title]);
  return (
    <>
      <header className="head">
        <div>
          <h1>{title}</h1>
          {about && <p>{about}</p>}
        </div>
        {actions && <div className="row">{actions}</div>}
      </header>
      {children}
      {json && (
        <footer className="foot">
          <a href={json} target="_blank" rel="noreferrer">
            This as JSON
          </a>
        </footer>
      )}
    </>
  );
}

export type Column<T> = { head: ReactNode; cell: (row: T) => ReactNode; number?: boolean; csv?: (row: T) => unknown };

export function Table<T>({
  rows, columns, label, selected = -1, open, name,
}: {
  rows: T[];
  columns: Column<T>[];
  label: string;
  selected?: number;
  open?: (row: T) => void;
  name?: string;
}) {
  // What has no name in words, such as buttons, is not data.
  const kept = columns.filter((column) => typeof column.head === 'string');
  return (
    <>
      <div className="scroll" tabIndex={0} role="region" aria-label={label}>
        <table>
          <thead>
            <tr>
              {columns.map((column, index) => (
                <th key={index} className={column.number ? 'number' : undefined} scope="col">
                  {column.head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, index) => (
              <tr
                key={index}
                data-selected={index === selected || undefined}
                className={open ? 'open' : undefined}
                onClick={
                  open &&
                  ((event) => {
                    if (!(event.target as HTMLElement).closest('a, button')) open(row);
                  })
                }
              >
                {columns.map((column, at) => (
                  <td key={at} className={column.number ? 'number' : undefined}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {name && rows.length > 0 && (
        <div style={{ marginTop: 6 }}>
          <button
            type="button"
            className="plain"
            onClick={() =>
              download(
                `${name}.csv`,
                kept.map((column) => String(column.head)),
                rows.map((row) => kept.map((column) => (column.csv ?? column.cell)(row))),
              )
            }
          >
            Download as CSV
          </button>
        </div>
      )}
    </>
  );
}

/** One field of a line of CSV, which a spreadsheet takes for a text and nothing else. */
export function field(value: unknown): string {
  const text = value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
  const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function download(name: string, head: string[], rows: unknown[][]) {
  const text = [head, ...rows].map((row) => row.map(field).join(',')).join('\r\n');
  save(name, new Blob([`${text}\r\n`], { type: 'text/csv;charset=utf-8' }));
}

export function save(name: string, blob: Blob) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
