"""Reading: what is known of people, sources and entries, asked of one state of the store."""
