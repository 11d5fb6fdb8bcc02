"""HTTP that no provider owns: routes, requests, responses, bodies, faults, the journal."""
