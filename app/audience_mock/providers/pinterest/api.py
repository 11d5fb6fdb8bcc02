"""What the core needs to know of Pinterest's API."""

from audience_mock.core.apis import Api

NAME = "pinterest"


def _definition(text: str) -> str:
    # Built on models that a server without a seed does not need here.
    from audience_mock.providers.pinterest.audiences.rule_schema import rule_text  # noqa: PLC0415

    return rule_text(text)


API = Api(
    name=NAME,
    # Those of Pinterest's description.
    audience_statuses=(
        *("INITIALIZING", "READY", "TOO_SMALL"),
        *("ELIGIBLE", "PERSONAS_INITIALIZING", "PERSONAS_INELIGIBLE_SIZE"),
    ),
    audience_sequence="pinterest_audience",
    definition_text=_definition,
    sequences={
        # A recorded id; later ones are larger, 13 digits too.
        "pinterest_audience": 2542623499806,
        # 7 digits were recorded; the number is chosen.
        "pinterest_customer_list": 5497558,
        # Chosen: 10 digits, as in the example of Pinterest's description.
        "pinterest_upload": 2680059001,
        # A recorded id. Pinterest takes those of targeting templates from the same sequence (recorded).
        "pinterest_customer_segment": 5841155621967,
        # 12 digits that begin so were recorded; the number is chosen.
        "pinterest_ad_account": 549769000001,
    },
)
