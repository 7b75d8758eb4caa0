import { TextInput } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { ENTRIES } from '../glossary';
import { Page } from '../parts/page';

export default function Glossary() {
  const { term } = useSearch({ from: '/shell/glossary' });
  const navigate = useNavigate();
  const [filter, setFilter] = useState('');
  useEffect(() => {
    document.getElementById('chosen')?.scrollIntoView({ block: 'center' });
  }, [term]);
  const rows = ENTRIES.filter((one) => `${one.term} ${one.meaning}`.toLowerCase().includes(filter.toLowerCase()));
  return (
    <Page title="Glossary" about="One word for one thing, here as in the documentation.">
      <TextInput type="search" aria-label="Filter the glossary" placeholder="Filter" value={filter} mb="md" onChange={(event) => {
        setFilter(event.currentTarget.value);
        if (term) void navigate({ to: '/glossary', replace: true });
      }} />
      <dl className="pairs">
        {rows.map((one) => {
          const chosen = one.term.toLowerCase() === term?.toLowerCase();
          return (
            <div key={one.term} style={{ display: 'contents' }}>
              <dt id={chosen ? 'chosen' : undefined}>{chosen ? <mark>{one.term}</mark> : one.term}</dt>
              <dd>{one.meaning}</dd>
            </div>
          );
        })}
      </dl>
    </Page>
  );
}
