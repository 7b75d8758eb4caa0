// The roles of accounts and keys, with what each is for.
export type Role = 'owner' | 'engineer' | 'marketer' | 'steward' | 'read-only';

export const ROLES: Role[] = ['owner', 'engineer', 'marketer', 'steward', 'read-only'];

export const SAYS: Record<Role, string> = {
  owner: 'does everything, and manages accounts',
  engineer: 'runs sources, dead letters, segments and queries; sees nothing sensitive',
  marketer: 'builds segments and asks the warehouse; sees identifiers shortened',
  steward: 'decides who is who, and mends dead letters; sees people in full',
  'read-only': 'looks and changes nothing; sees personal data shortened',
};
