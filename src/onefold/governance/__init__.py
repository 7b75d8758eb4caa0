"""What every stage obeys: encryption, consent, suppression, audit."""
