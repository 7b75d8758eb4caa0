// How values, times and numbers are written.
import { useEffect, useState, type ReactNode } from 'react';
import { Popover } from '@mantine/core';
import { Link } from '@tanstack/react-router';

const MINUTE = 60_000;
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const exact = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });

export function ago(at: string, now = Date.now()): string {
  const minutes = (new Date(at).getTime() - now) / MINUTE;
  const size = Math.abs(minutes);
  if (size < 1) return 'just now';
  if (size < 60) return relative.format(Math.round(minutes), 'minute');
  if (size < 60 * 24) return relative.format(Math.round(minutes / 60), 'hour');
  if (size < 60 * 24 * 60) return relative.format(Math.round(minutes / (60 * 24)), 'day');
  return exact.format(new Date(at)).replace(/,? \d\d:\d\d$/, '');
}

export function Time({ at }: { at: string | null | undefined }) {
  if (!at) return <span className="quiet">–</span>;
  return (
    <time dateTime={at} title={`${exact.format(new Date(at))} UTC`}>
      {ago(at)}
    </time>
  );
}

const plain = new Intl.NumberFormat('en');
export function number(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : plain.format(value);
}

/** A word of the product, as a person reads it: `bad_quotes` is “bad quotes”. */
export function words(name: string): string {
  return name.replaceAll('_', ' ');
}

export function show(value: unknown): string {
  if (value === null || value === undefined) return '–';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${number(count)} ${count === 1 ? one : many}`;
}

/** A term whose glossary entry opens in place. */
export function Term({ name, children }: { name: string; children?: ReactNode }) {
  const [open, setOpen] = useState(false);
  const [meaning, setMeaning] = useState<string>();
  useEffect(() => {
    if (open) void import('../glossary').then(({ entry }) => setMeaning(entry(name)?.meaning));
  }, [open, name]);
  return (
    <Popover opened={open} onChange={setOpen} width={300} shadow="md" withArrow trapFocus returnFocus>
      <Popover.Target>
        <button type="button" className="term" onClick={() => setOpen(!open)}>
          {children ?? name}
        </button>
      </Popover.Target>
      <Popover.Dropdown>
        <strong>{name}</strong>
        <p className="small">{meaning ?? '…'}</p>
        <Link to="/glossary" search={{ term: name }} className="small">
          Glossary
        </Link>
      </Popover.Dropdown>
    </Popover>
  );
}
