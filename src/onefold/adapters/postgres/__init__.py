"""The profile store on PostgreSQL: a schema per workspace, several workers at once. Needs the extra `postgres`."""
