import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { GET, read, type Schemas } from '../api/client';
import { nameOf } from '../api/people';
import { may, useMe } from '../api/session';
import { ButtonLink } from '../parts/button-link';
import { useKeys } from '../parts/keys';
import { Page, Table } from '../parts/page';
import { Empty, Shown } from '../parts/states';
import { number, plural, show, Term, Time, words } from '../parts/text';
import { Members } from './households';
import { IdentityGraph } from './person-graph';
import { History } from './person-history';
import { Memberships } from './person-segments';
import { Timeline } from './person-timeline';

export type Profile = Schemas['Profile'];

const TABS = [
  ['attributes', 'Attributes'],
  ['timeline', 'Timeline'],
  ['identifiers', 'Identifiers'],
  ['graph', 'Graph'],
  ['segments', 'Segments and traits'],
  ['consents', 'Consents'],
  ['history', 'History'],
] as const;

function Attributes({ profile }: { profile: Profile }) {
  const rows = Object.entries(profile.attributes);
  if (rows.length === 0) return <Empty title="No attributes">No source has stated anything of this person yet.</Empty>;
  return (
    <>
      <p className="quiet">
        Which of several values stands is decided by <Term name="survivorship" />; the values that lost are beside it.
      </p>
      <Table
        label="Attributes"
        name={`attributes-${profile.id}`}
        rows={rows}
        columns={[
          { head: 'Attribute', cell: ([name]) => words(name), csv: ([name]) => name },
          { head: 'Value', cell: ([, one]) => <strong>{show(one.value)}</strong>, csv: ([, one]) => one.value },
          { head: 'From', cell: ([, one]) => <span className="tag">{one.source}</span>, csv: ([, one]) => one.source },
          { head: 'Stated', cell: ([, one]) => <><Time at={one.at} /> {one.used && <span className="tag good" title="The last time it was used: opened, clicked, bought with">used</span>}</>, csv: ([, one]) => one.at },
          { head: 'Rule', cell: ([, one]) => words(one.rule), csv: ([, one]) => one.rule },
          {
            head: 'Lost',
            cell: ([, one]) =>
              one.others.map((other, index) => (
                <div key={index} className="small">
                  {show(other.value)} <span className="quiet">{other.source}, {other.used && 'used '}<Time at={other.at} /></span>
                </div>
              )),
            csv: ([, one]) => one.others.map((other) => `${show(other.value)} (${other.source})`).join('; '),
          },
        ]}
      />
    </>
  );
}

function IdentifierTable({ profile }: { profile: Profile }) {
  const more = useQuery({
    queryKey: ['identifiers', profile.id],
    queryFn: () => read(GET('/api/v1/profiles/id/{profile_id}/identifiers', { params: { path: { profile_id: profile.id }, query: { limit: 200 } } })),
    enabled: profile.identifiers_total > profile.identifiers.length,
  });
  const rows = more.data?.identifiers ?? profile.identifiers;
  const first = profile.canonical;
  return (
    <>
      <Table
        label="Identifiers"
        name={`identifiers-${profile.id}`}
        rows={[...rows]}
        columns={[
          { head: 'Type', cell: (one) => words(one.type), csv: (one) => one.type },
          {
            head: 'Value',
            cell: (one) => (
              <>
                <span className="mono">{one.value}</span> {one.primary && <span className="tag accent">primary</span>}{' '}
                {one.shared && <span className="tag warn">shared</span>}
              </>
            ),
            csv: (one) => one.value,
          },
          { head: 'First seen', cell: (one) => <Time at={one.first_seen} />, csv: (one) => one.first_seen },
          {
            head: <span className="hidden">Actions</span>,
            cell: (one) =>
              first && !one.primary ? (
                <Link to="/why" search={{ a: `${first.type}:${first.value}`, b: `${one.type}:${one.value}` }}>
                  Why this is the same person
                </Link>
              ) : null,
          },
        ]}
      />
      {profile.identifiers_total > rows.length && (
        <p className="quiet small">The strongest {number(rows.length)} of {number(profile.identifiers_total)}.</p>
      )}
    </>
  );
}

function Consents({ profile }: { profile: Profile }) {
  const rows = Object.entries(profile.consent);
  if (rows.length === 0) return <Empty title="Nothing is known of consent">Where nobody has agreed, nothing is sent.</Empty>;
  return (
    <Table
      label="Consents"
      rows={rows}
      columns={[
        { head: 'Purpose', cell: ([name]) => (name === 'all' ? 'all that are not named' : words(name)) },
        { head: 'Consent', cell: ([, one]) => <span className={`tag ${one.granted ? 'good' : 'bad'}`}>{one.granted ? 'granted' : 'denied'}</span> },
        { head: 'Stated by', cell: ([, one]) => one.source },
        { head: 'When', cell: ([, one]) => <Time at={one.at} /> },
      ]}
    />
  );
}

export default function Person() {
  const { id } = useParams({ from: '/shell/people/$id' });
  const search = useSearch({ from: '/shell/people/$id' });
  const navigate = useNavigate();
  const me = useMe();
  const tab = TABS.find(([name]) => name === search.tab)?.[0] ?? 'attributes';
  const profile = useQuery({
    queryKey: ['profile', id],
    queryFn: () => read(GET('/api/v1/profiles/id/{profile_id}', { params: { path: { profile_id: id } } })),
  });
  useKeys(
    Object.fromEntries(
      TABS.map(([name], index) => [String(index + 1), () => void navigate({ to: '/people/$id', params: { id }, search: { tab: name } })]),
    ),
  );
  const values = Object.fromEntries(Object.entries(profile.data?.attributes ?? {}).map(([name, one]) => [name, one.value]));
  const canonical = profile.data?.canonical;
  const title = nameOf(values) || canonical?.value || 'Person';
  const json = `/api/v1/profiles/id/${id}${['timeline', 'identifiers', 'graph', 'history'].includes(tab) ? `/${tab}` : ''}`;
  return (
    <Page
      title={title}
      about={canonical ? <span className="mono">{canonical.type}:{canonical.value}</span> : undefined}
      json={json}
      actions={
        <ButtonLink variant="default" to="/people">
          All people
        </ButtonLink>
      }
    >
      <Shown of={profile} rows={10}>
        {(one) => (
          <>
            <div className="row" style={{ marginBottom: 14 }}>
              <span className="tag accent" title={one.lifecycle.because}>{one.lifecycle.stage}</span>
              <span>{plural(one.counters.events, 'event')}</span>
              <span className="quiet">·</span>
              <span>{plural(one.counters.purchases, 'purchase')}</span>
              <span className="quiet">·</span>
              <span>revenue {one.counters.revenue}</span>
              <span className="quiet">·</span>
              <span>{plural(one.identifiers_total, 'identifier')}</span>
              <span className="quiet">·</span>
              <span className="quiet">
                seen first <Time at={one.first_seen} />, last <Time at={one.last_seen} />
              </span>
            </div>
            <nav className="tabs" aria-label="Of this person">
              {TABS.map(([name, label]) => (
                <Link key={name} to="/people/$id" params={{ id }} search={{ tab: name }} aria-current={name === tab ? 'page' : undefined} activeProps={{ 'aria-current': name === tab ? 'page' : undefined }}>
                  {label}
                </Link>
              ))}
            </nav>
            {tab === 'attributes' && <Attributes profile={one} />}
            {tab === 'attributes' && one.household && (
              <section style={{ marginTop: 20 }}>
                <h2>Household</h2>
                <Members members={one.household.members} but={one.id} />
              </section>
            )}
            {tab === 'timeline' && <Timeline profile={one} />}
            {tab === 'identifiers' && <IdentifierTable profile={one} />}
            {tab === 'graph' && <IdentityGraph key={one.id} id={one.id} />}
            {tab === 'segments' && <Memberships profile={one} />}
            {tab === 'consents' && <Consents profile={one} />}
            {tab === 'history' && <History profile={one} mayJudge={may(me, 'admin')} />}
          </>
        )}
      </Shown>
    </Page>
  );
}
