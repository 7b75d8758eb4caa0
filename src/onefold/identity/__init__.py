"""Who is who: identifiers, the evidence graph, the solver, explanations."""
