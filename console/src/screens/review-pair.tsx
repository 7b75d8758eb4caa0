// A pair of the review side by side, with the characters marked in which the two differ.
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Schemas } from '../api/client';
import { plural, Time, words } from '../parts/text';

export type Pair = Schemas['ReviewPair'];

/** A text with these ranges of characters marked; the ranges count code points, as the server does. */
export function Marked({ text, marks }: { text: string; marks: readonly (readonly number[])[] }) {
  const letters = [...text];
  const parts: ReactNode[] = [];
  let at = 0;
  for (const [from = 0, to = 0] of marks) {
    parts.push(letters.slice(at, from).join(''));
    parts.push(<mark key={from}>{letters.slice(from, to).join('')}</mark>);
    at = to;
  }
  parts.push(letters.slice(at).join(''));
  return <>{parts}</>;
}

export function SideBySide({ pair }: { pair: Pair }) {
  const ends = [pair.a, pair.b];
  return (
    <div className="side">
      <div className="label">Person</div>
      {ends.map((end, index) => (
        <div key={index}>
          <Link to="/people/$id" params={{ id: end.profile_id }}>
            {end.label}
          </Link>
          <div className="quiet small">
            {plural(end.identifiers, 'identifier')}, {plural(end.events, 'event')}, revenue {end.revenue}
            <br />
            seen <Time at={end.first_seen} /> to <Time at={end.last_seen} />
          </div>
        </div>
      ))}
      {pair.fields.map((field) => (
        <div key={field.field} className="line">
          <div className="label">
            {words(field.field)}
            <div className="small">{field.agreement}</div>
          </div>
          <div className={field.agreement}>{field.a === null ? <span className="quiet">–</span> : <Marked text={field.a} marks={field.agreement === 'equal' ? [] : field.marks_a} />}</div>
          <div className={field.agreement}>{field.b === null ? <span className="quiet">–</span> : <Marked text={field.b} marks={field.agreement === 'equal' ? [] : field.marks_b} />}</div>
        </div>
      ))}
    </div>
  );
}
