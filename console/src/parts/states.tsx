// Loading, empty and error: each says what to do next.
import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { ProblemError } from '../api/client';

export function Loading({ rows = 4, what = 'Loading' }: { rows?: number; what?: string }) {
  return (
    <div role="status" aria-label={what}>
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} className="bone" style={{ width: `${92 - ((index * 17) % 40)}%` }} />
      ))}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="state">
      <strong>{title}</strong>
      {children}
    </div>
  );
}

export function Failed({ error, again }: { error: unknown; again?: () => void }) {
  const problem = error instanceof ProblemError ? error : null;
  return (
    <div className="state error" role="alert">
      <strong>{problem?.status === 403 ? 'You may not see this' : 'That did not work'}</strong>
      <p>{error instanceof Error ? error.message : String(error)}</p>
      <div className="row">
        {again && (
          <Button size="xs" variant="default" onClick={again}>
            Try again
          </Button>
        )}
        {problem?.requestId && <span className="quiet small">Request {problem.requestId}, for whoever reads the log</span>}
      </div>
    </div>
  );
}

export function Trouble({ error, reset }: { error: unknown; reset?: () => void }) {
  return (
    <main>
      <Failed error={error} again={reset ?? (() => location.reload())} />
    </main>
  );
}

export function Missing() {
  return (
    <main>
      <Empty title="There is no such page">
        <Link to="/">Go to the start</Link>
      </Empty>
    </main>
  );
}

type Asked<T> = { data: T | undefined; error: unknown; isPending: boolean; refetch: () => unknown };

/** The data of a question, or what its state is. */
export function Shown<T>({ of, children, rows }: { of: Asked<T>; children: (data: T) => ReactNode; rows?: number }) {
  if (of.data !== undefined) return <>{children(of.data)}</>;
  if (of.error) return <Failed error={of.error} again={() => void of.refetch()} />;
  return <Loading rows={rows} />;
}
