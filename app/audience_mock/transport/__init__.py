"""HTTP that no dialect owns: routes, bodies, answers. Knows no provider."""
