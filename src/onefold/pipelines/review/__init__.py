"""The review queue of a workspace: what to judge, side by side, and the judgements."""
