// The palette: any person, screen or segment by a few letters.
import { Modal, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { GET, read } from '../api/client';
import { findPeople } from '../api/people';
import type { Place } from '../shell';

type Choice = { label: string; kind: string; go: () => void };

export function Palette({ close, places }: { close: () => void; places: Place[] }) {
  const navigate = useNavigate();
  const [typed, setTyped] = useState('');
  const [settled] = useDebouncedValue(typed.trim(), 200);
  const [at, setAt] = useState(0);
  const segments = useQuery({ queryKey: ['segments'], queryFn: () => read(GET('/api/v1/segments')) });
  const people = useQuery({
    queryKey: ['find', settled],
    queryFn: ({ signal }) => findPeople(settled, 0, 6, signal),
    enabled: settled.length >= 2,
  });
  const fits = (label: string) => label.toLowerCase().includes(typed.trim().toLowerCase());
  const choices: Choice[] = [
    ...places.filter((place) => fits(place.label)).map((place) => ({
      label: place.label, kind: 'Screen', go: () => void navigate({ to: place.to }),
    })),
    ...(segments.data?.segments ?? []).filter((one) => typed && fits(one.slug)).slice(0, 6).map((one) => ({
      label: one.slug, kind: 'Segment',
      go: () => void navigate({ to: '/segments/$slug', params: { slug: one.slug } }),
    })),
    ...(typed.trim().length >= 2 ? (people.data?.people ?? []) : []).map((one) => ({
      label: one.label, kind: 'Person', go: () => void navigate({ to: '/people/$id', params: { id: one.id } }),
    })),
  ];
  if (typed.trim()) {
    choices.push({
      label: `Search people for “${typed.trim()}”`, kind: 'Search',
      go: () => void navigate({ to: '/people', search: { q: typed.trim() } }),
    });
  }
  const chosen = Math.min(at, choices.length - 1);
  const pick = (choice: Choice | undefined) => {
    if (!choice) return;
    close();
    choice.go();
  };
  return (
    <Modal opened onClose={close} title="Find" size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <TextInput
        data-autofocus
        aria-label="Find a person, a screen or a segment"
        placeholder="A name, an e-mail address, an id, a screen, a segment"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette"
        aria-activedescendant={`choice-${chosen}`}
        value={typed}
        onChange={(event) => {
          setTyped(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown') setAt(Math.min(chosen + 1, choices.length - 1));
          else if (event.key === 'ArrowUp') setAt(Math.max(chosen - 1, 0));
          else if (event.key === 'Enter') pick(choices[chosen]);
          else return;
          event.preventDefault();
        }}
      />
      <ul className="palette-list" id="palette" role="listbox" aria-label="Found">
        {choices.map((choice, index) => (
          <li
            key={`${choice.kind}${choice.label}${index}`}
            id={`choice-${index}`}
            role="option"
            aria-selected={index === chosen}
            onMouseMove={() => setAt(index)}
            onClick={() => pick(choice)}
          >
            <span style={{ overflowWrap: 'anywhere' }}>{choice.label}</span>
            <span className="quiet small">{choice.kind}</span>
          </li>
        ))}
      </ul>
      {people.isFetching && <span className="quiet small">Looking for people…</span>}
    </Modal>
  );
}
