"""Expected trouble, by name. Each dialect turns `code` into its own words in its `errors.py`."""

from __future__ import annotations

from actors.core.errors import Refused


class RoomLocked(Refused):
    """The room has a PIN and none was given."""

    code = "room_locked"


class WrongPin(Refused):
    """The PIN given is not the room's."""

    code = "wrong_pin"


class PinNotNeeded(Refused):
    """A PIN was given for a room that exists and has none."""

    code = "pin_not_needed"


class RoomFull(Refused):
    code = "room_full"


class TooManyRooms(Refused):
    code = "too_many_rooms"


class TooManyEmptyRooms(Refused):
    """As many rooms as one address may leave behind empty are still kept for it."""

    code = "too_many_empty_rooms"


class TooManyPeers(Refused):
    code = "too_many_peers"


class AccountRequiredToJoin(Refused):
    code = "account_required_to_join"


class AccountRequiredToCreate(Refused):
    code = "account_required_to_create"


class NotInRoom(Refused):
    """The order needs a room the peer is a member of."""

    code = "not_in_room"


class NotThatRoom(Refused):
    """The order names a room other than the one the peer is a member of."""

    code = "not_that_room"


class AlreadyIdentified(Refused):
    """A peer has one user for its whole life."""

    code = "already_identified"


class NonceInvalid(Refused):
    """The nonce is unknown, used, overwritten or too old."""

    code = "nonce_invalid"


class NonceForAnotherUser(Refused):
    code = "nonce_for_another_user"


class Busy(Refused):
    """A queue in the way is full; the same request may succeed later."""

    code = "busy"


class StoreUnavailable(Refused):
    """The database did not answer in time, or not at all; the same request may succeed later.

    A write may have been done nevertheless.
    """

    code = "store_unavailable"


class StoreFull(Refused):
    """As many are stored as the settings allow, in all or of one owner; the text names the kind."""

    code = "store_full"


class Unstorable(Refused):
    """A text holds NUL or half a surrogate pair, something is too long, or a time is none."""

    code = "unstorable"


class UnknownOwner(Refused):
    """Something was to be stored for an owner that is not there."""

    code = "unknown_owner"


class ShuttingDown(Refused):
    code = "shutting_down"


class EndpointUnknown(Refused):
    """There is no such endpoint, or it is somebody else's, which is not told apart."""

    code = "endpoint_unknown"


class EndpointTaken(Refused):
    """The id asked for is that of another owner's endpoint."""

    code = "endpoint_taken"


class TooManyEndpoints(Refused):
    """The user, the organisation or the realm has as many endpoints as it may."""

    code = "too_many_endpoints"


class TooManySubscribers(Refused):
    """The endpoint has as many subscribers as it may."""

    code = "too_many_subscribers"


# --- of a chat site


class NameBanned(Refused):
    """Whoever has this name may not come in; `until` in Unix seconds."""

    code = "name_banned"

    def __init__(self, until: float) -> None:
        super().__init__(until)
        self.until = until


class NameReserved(Refused):
    """A guest may not have this name."""

    code = "name_reserved"


class ChannelUnknown(Refused):
    code = "channel_unknown"


class PersonUnknown(Refused):
    code = "person_unknown"


class TooManyRelations(Refused):
    """This one has muted, booted, blocked and invited as many as he may."""

    code = "too_many_relations"


class NotYours(Refused):
    """That message was written by somebody else."""

    code = "not_yours"
