"""A token for each API, and the ad account that tests use."""

PINTEREST_TOKEN = {"Authorization": "Bearer pina_test"}
PITCHTARGET_TOKEN = {"Authorization": "OAuth cpo7v1e0zbzdic90pc6txbj1cypb8yl"}
AD_ACCOUNT = "549755885175"
