"""The route class of the control plane, and what its handlers share."""

from audience_mock.control import access, errors
from audience_mock.transport.answers import Answer
from audience_mock.transport.calls import Call
from audience_mock.transport.routes import MockRoute


class ControlRoute(MockRoute):
    meets_faults = False  # whoever plans them has to be heard
    takes_bare_bodies = True  # as curl sends them

    def admit(self, call: Call) -> None:
        access.check(call, call.options)

    def refuse(self, call: Call, error: Exception) -> Answer:
        return errors.refuse(call, error)
