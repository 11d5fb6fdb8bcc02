"""Which calls two versions of an API answer otherwise: recorded calls, replayed under both and compared."""
