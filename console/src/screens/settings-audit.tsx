import { Button } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { GET, read } from '../api/client';
import { Table } from '../parts/page';
import { Empty, Shown } from '../parts/states';
import { Time } from '../parts/text';

export function Audit() {
  const pages = useInfiniteQuery({
    queryKey: ['audit'],
    queryFn: ({ pageParam }) => read(GET('/api/v1/audit', { params: { query: { limit: 25, ...(pageParam ? { before: pageParam } : {}) } } })),
    initialPageParam: 0,
    getNextPageParam: (page) => page.next,
  });
  const rows = (pages.data?.pages ?? []).flatMap((page) => page.entries);
  return (
    <section>
      <h2>Audit trail</h2>
      <p className="quiet">What people did, and where they saw personal data unmasked.</p>
      <Shown of={pages}>
        {() =>
          rows.length === 0 ? (
            <Empty title="Nothing yet" />
          ) : (
            <>
              <Table
                label="Audit trail"
                name="audit"
                rows={rows}
                columns={[
                  { head: 'When', cell: (one) => <Time at={one.at} />, csv: (one) => one.at },
                  { head: 'Who', cell: (one) => <>{one.name} <span className="quiet small">{one.role}</span></>, csv: (one) => `${one.name} (${one.role})` },
                  { head: 'What', cell: (one) => <span className={`tag ${one.action === 'looked' ? '' : 'accent'}`}>{one.action}</span>, csv: (one) => one.action },
                  { head: 'Where', cell: (one) => <code>{one.route}</code>, csv: (one) => one.route },
                  {
                    head: 'About',
                    cell: (one) => (
                      <>
                        {one.subjects.slice(0, 3).map((id) => (
                          <Link key={id} to="/people/$id" params={{ id }} className="mono" style={{ marginRight: 8 }}>
                            {id.slice(0, 8)}
                          </Link>
                        ))}
                        {one.subjects.length > 3 && <span className="quiet small">and {one.subjects.length - 3} more</span>}
                      </>
                    ),
                    csv: (one) => one.subjects.join('; '),
                  },
                ]}
              />
              {pages.hasNextPage && (
                <Button mt="sm" size="xs" variant="default" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
                  Show more
                </Button>
              )}
            </>
          )
        }
      </Shown>
    </section>
  );
}
