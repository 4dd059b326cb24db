"""What can go wrong, one class for each remedy: its docstring says who does what about it."""


# ruff: noqa: N818 - the names say what happened; each is an error by its root class


class WattswitchError(Exception):
    """The root of all errors of this project. Remedy: read the class of the one that was raised."""


class SpecInvalid(WattswitchError):
    """An object or a file says something unusable. Remedy: its owner edits the field that the message names."""


class NameTaken(WattswitchError):
    """An object that is not ours has the name that ours must have. Remedy: whoever made it deletes or renames it."""


class FeedUnavailable(WattswitchError):
    """A feed gave no usable number. Remedy: repair the source; until then `onStale` decides."""


class KubeconfigInvalid(WattswitchError):
    """No way to reach a cluster was found. Remedy: pass `--kubeconfig`, set KUBECONFIG, or run inside a cluster."""


class ApiUnreachable(WattswitchError):
    """The API server did not answer before the deadline, so a write may or may not have happened.

    Remedy: none by hand; read the object again, raise nothing until it answers. If it lasts, look at the network
    path to the API server and at the API server itself.
    """


class ApiError(WattswitchError):
    """The API server refused a request. Remedy: the message is the server's own; follow it.

    `status` is the HTTP status, `reason` the CamelCase word of the server, `message` its sentence, and `causes` the
    fields that it found invalid: empty where the request itself, not a field, was refused.
    """

    def __init__(self, status: int, reason: str, message: str, causes: tuple[str, ...] = ()) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.causes = causes


class Conflict(ApiError):
    """Another hand wrote or created the object first (409). Remedy: read it again, decide again."""


class NotFound(ApiError):
    """The object or its kind does not exist (404). Remedy: create it, or install the custom resource definitions."""


class Forbidden(ApiError):
    """The service account lacks a right (403). Remedy: grant the verb and resource that the message names."""


class TooManyRequests(ApiError):
    """The API server sheds load (429) and asked for a longer wait than the deadline allowed.

    Remedy: none by hand; try again after `retry_after` seconds. If it lasts, give the service account a flow schema
    with a higher share.
    """

    def __init__(self, status: int, reason: str, message: str, retry_after: float = 1.0) -> None:
        super().__init__(status, reason, message)
        self.retry_after = retry_after
