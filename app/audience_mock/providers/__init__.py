"""The emulated APIs, a package each. None imports another."""
