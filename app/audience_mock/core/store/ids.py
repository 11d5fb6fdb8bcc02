"""The sequences that ids come from, and where each starts: a fresh world gives the same ids every time."""

PITCHTARGET_AUDIENCE = "pitchtarget_audience"
FACEBOOK = "facebook"
PINTEREST_AUDIENCE = "pinterest_audience"
USER_SET = "user_set"
GRANT = "grant"
SHARE = "share"
PINTEREST_CUSTOMER_LIST = "pinterest_customer_list"
PINTEREST_UPLOAD = "pinterest_upload"
UPLOADED_FILE = "uploaded_file"

FIRST = {
    # From the published exchanges of PitchTarget: the first upload is 54, the first Facebook id
    # 6006183285954.
    PITCHTARGET_AUDIENCE: 54,
    FACEBOOK: 6006183285954,
    # A recorded id; later ones are larger, 13 digits too.
    PINTEREST_AUDIENCE: 2542623499806,
    # Internal: no answer shows them.
    USER_SET: 1,
    GRANT: 1,
    SHARE: 1,
    UPLOADED_FILE: 1,
    # 7 digits were recorded; the number is chosen.
    PINTEREST_CUSTOMER_LIST: 5497558,
    # Chosen: 10 digits, as in the example of Pinterest's description.
    PINTEREST_UPLOAD: 2680059001,
}
