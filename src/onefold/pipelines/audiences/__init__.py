"""Audiences of a workspace: kept up with the stream, applied, asked."""
