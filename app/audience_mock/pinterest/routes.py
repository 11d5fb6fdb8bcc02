"""The route class of this dialect."""

from audience_mock.pinterest import auth, errors
from audience_mock.transport.answers import Answer
from audience_mock.transport.calls import Call
from audience_mock.transport.routes import MockRoute


class PinterestRoute(MockRoute):
    def admit(self, call: Call) -> None:
        auth.admit(call)

    def refuse(self, call: Call, error: Exception) -> Answer:
        return errors.refuse(call, error)
