"""The errors of FourEyes, as one tree; each leaf's docstring says what it means to the person who meets it.

FourEyesError
+-- ConfigError                 the configuration cannot be used (every fault in one go)
+-- UsageError                  a command was called in a way that cannot work
|   +-- TruthError              the truth file of labelled pictures cannot be used
|   +-- ChangedMeanwhileError   what was seen before it was approved is another thing now
|   +-- MissingExtraError       an optional part of FourEyes is configured and not installed
+-- StateFolderBusyError        another daemon works in this state folder
+-- PortTakenError              another program listens on the port that was asked for
+-- PictureError
|   +-- BadPictureError         the bytes are not a whole PNG or JPEG picture
|   +-- PictureTooLargeError    the picture is over the bounds
+-- SchemaError                 a JSON Schema that the engine or a task cannot work with
+-- SourceError
|   +-- SourceRefusedError      nobody listens at the source's address
|   +-- SourcePasswordError     the source wants another password
|   +-- SourceMissingError      what was to be watched is not there
|   +-- SourceHungError         the source took the call and did not answer in time
|   +-- SourceLostError         the connection broke while in use
|   +-- SourceUnreadableError   what is there cannot be read as a picture
+-- ServerError
|   +-- ServerStartError        the model server did not become ready
|   |   +-- StrangerError       another program answers at the server's address
|   +-- ServerRefusedError      nobody listens at the server's address
|   +-- ServerTimeoutError      the server did not answer in time
|   +-- ServerBusyError         the server refused the request for now
|   |   +-- ServerLoadingError  the server is up and still loads its model
|   |   +-- BreakerOpenError    the server failed too often in a row and is left in peace for a while
|   |   +-- QueueFullError      as many requests of operators as may wait are waiting
|   +-- ServerReplyError        the server answered something that is no answer
|   |   +-- UnknownRouteError   the server does not have the route, whatever its status says
|   |   +-- WrongModelError     another model answered than the one that was asked
|   |   +-- AnswerCutError      the model was still writing when max_tokens was reached
|   +-- UnauthorisedError       the server wants another token
|   +-- BadRequestError         the server refused the request for good
|   |   +-- BadImageError       the server refused the picture
|   |   +-- ContextOverflowError  picture and prompt are larger than the model's context
|   +-- ModelMissingError       the server does not have the model
|   +-- ServerDownError         the model server has died, hangs or cannot be started
|   +-- ModelCrashedError       the model crashed or was unloaded; it must be loaded again
+-- TooManySubscribersError     as many listeners as are served follow the live events already
+-- SpoolError                  the faults kept in the state folder cannot be read or written
|   +-- SpoolUnwritableError    nothing can be written there now: a full disk, a lock, a folder that is not ours
|   +-- SpoolCorruptError       what is there is damaged
|   +-- SpoolVersionError       a newer FourEyes wrote it
+-- HistoryError                the figures kept in the state folder cannot be read or written
+-- UnknownFaultError           no fault is known by the name that was given
+-- MongoError                  MongoDB does not take the faults
|   +-- MongoLostError          it is away
|   +-- MongoRefusedError       it refuses the user, or cannot be reached by its URI at all
+-- TriageError                 a case of triage cannot go on
|   +-- CaseStateError          a case cannot become what it was to become
|   +-- HandOverError           whom a case was handed to did not take it
|   +-- PatchRefusedError       a fix is no patch, reaches beyond the project or does not fit it
|   +-- VerificationError       whether a fix mends its fault cannot be told here
|   +-- ApprovalError           a fix cannot be applied to the project
+-- WebhookError                what was posted to a webhook was not taken
|   +-- WebhookSecretError      there is no secret for its signature
|   +-- WebhookAwayError        nobody took it now
|   +-- WebhookRefusedError     it was refused for good
+-- AlertError                  a notice of an alert was not delivered
+-- BrokerError                 the MQTT broker is away
|   +-- BrokerRefusedError      it answers, and does not take us
+-- AuditError                  a change was made and could not be written to the audit file
+-- NotRunningError             no daemon answers for this state folder
+-- ServiceError                the manager of services is not there, or refused
+-- InferenceError              all attempts at one reading failed
"""

from dataclasses import dataclass


class FourEyesError(Exception):
    """Base of every error that FourEyes raises itself; catch this one to catch them all.

    `retryable` says whether the same call may succeed later without anybody changing anything.
    """

    retryable = False


@dataclass(frozen=True)
class ConfigFault:
    """One fault of a configuration: its dotted path in the file, what was found there and what is allowed."""

    path: str
    found: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.path}: found {self.found}; {self.allowed}"


class ConfigError(FourEyesError):
    """The configuration cannot be used; `faults` holds every fault that was found, not only the first."""

    def __init__(self, origin: str, faults: list[ConfigFault]) -> None:
        self.origin = origin
        self.faults = faults
        lines = "\n".join(f"  {fault}" for fault in faults)
        noun = "fault" if len(faults) == 1 else "faults"
        super().__init__(f"{origin} has {len(faults)} {noun}; nothing was started:\n{lines}")


class UsageError(FourEyesError):
    """A command was called in a way that cannot work; the message says what to write instead."""


class TruthError(UsageError):
    """The truth file of labelled pictures cannot be used; the message names the line and the field."""


class MissingExtraError(UsageError):
    """The configuration names what comes with an optional extra that is not installed; the message says which."""


class ChangedMeanwhileError(UsageError):
    """What was seen before it was approved is another thing now; look again."""


class StateFolderBusyError(FourEyesError):
    """Another daemon works in this state folder; stop it or choose another folder with --state-dir."""


class PortTakenError(FourEyesError):
    """Another program listens on the port that was asked for."""


class PictureError(FourEyesError):
    """A picture cannot be used."""


class BadPictureError(PictureError):
    """The bytes are not a whole PNG or JPEG picture."""


class PictureTooLargeError(PictureError):
    """The picture has more bytes, pixels or pixels a side than FourEyes accepts."""


class SchemaError(FourEyesError):
    """A JSON Schema that cannot describe the answer of a task."""


class SourceError(FourEyesError):
    """A picture source cannot give a picture now; `cause` is its short name in health and metrics."""

    retryable = True
    cause = "away"


class SourceRefusedError(SourceError):
    """Nobody listens at the source's address."""


class SourcePasswordError(SourceError):
    """The source wants another password."""

    cause = "password"


class SourceMissingError(SourceError):
    """What was to be watched (a scene, a monitor, a file) is not there."""

    cause = "missing"


class SourceHungError(SourceError):
    """The source took the call and did not answer in time."""

    cause = "hung"


class SourceLostError(SourceError):
    """The connection to the source broke while it was in use."""


class SourceUnreadableError(SourceError):
    """What the source gave cannot be read as a picture."""

    cause = "unreadable"


class ServerError(FourEyesError):
    """A model server did not give an answer that can be used."""


class ServerStartError(ServerError):
    """The model server did not become ready; the message has the last reason seen and the time that passed."""

    retryable = True


class StrangerError(ServerStartError):
    """Another program answers at the model server's address."""


class ServerRefusedError(ServerError):
    """Nobody listens at the model server's address: it is not running, or still starting."""

    retryable = True


class ServerTimeoutError(ServerError):
    """The model server did not answer in time."""

    retryable = True


class ServerBusyError(ServerError):
    """The model server refused the request for now (too many at once, or a fault of its own)."""

    retryable = True

    def __init__(self, message: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        """What the server asked for; 0 where it did not say."""


class ServerLoadingError(ServerBusyError):
    """The model server is up and still loads its model: wait for it."""


class BreakerOpenError(ServerBusyError):
    """The model server failed too often in a row: it is left in peace for a while, then tried again."""


class QueueFullError(ServerBusyError):
    """As many requests of operators as may wait are waiting already: come again later."""


class ServerReplyError(ServerError):
    """The model server answered something that is no answer: wrong shape, wrong model, not the schema."""

    retryable = True


class UnknownRouteError(ServerReplyError):
    """The model server does not have the route that was called, whatever its status says."""

    retryable = False


class WrongModelError(ServerReplyError):
    """Another model answered than the one that was asked."""


class AnswerCutError(ServerReplyError):
    """The model was still writing when max_tokens was reached."""


class UnauthorisedError(ServerError):
    """The model server wants another token: a fault of the configuration, which no restart mends."""


class BadRequestError(ServerError):
    """The model server refused the request for good; the same request would be refused again."""


class BadImageError(BadRequestError):
    """The model server refused the picture."""


class ContextOverflowError(BadRequestError):
    """Picture and prompt are larger than the model's context."""


class ModelMissingError(ServerError):
    """The model server does not have the model that a task names."""


class ServerDownError(ServerError):
    """The model server has died, hangs or cannot be started; its keeper goes on trying."""

    retryable = True


class ModelCrashedError(ServerError):
    """The model crashed or was unloaded; the server lives, and must load it again."""

    retryable = True


class TooManySubscribersError(FourEyesError):
    """As many listeners as are served follow the live events already."""

    retryable = True


class SpoolError(FourEyesError):
    """The faults that are kept in the state folder cannot be read or written."""


class SpoolUnwritableError(SpoolError):
    """Nothing can be written to the spool now: a full disk, a lock, or a folder that is not ours."""

    retryable = True


class SpoolCorruptError(SpoolError):
    """The spool is damaged: the daemon sets it aside and begins a new one."""


class SpoolVersionError(SpoolError):
    """A newer FourEyes wrote the spool: this one cannot know what is in it."""


class HistoryError(FourEyesError):
    """The figures kept in the state folder cannot be read or written; the message says why."""

    retryable = True


class UnknownFaultError(FourEyesError):
    """No fault is known by the id or fingerprint that was given."""


class MongoError(FourEyesError):
    """MongoDB does not take the faults; they stay in the state folder meanwhile."""


class MongoLostError(MongoError):
    """MongoDB is away: it is tried again until it is back."""

    retryable = True


class MongoRefusedError(MongoError):
    """MongoDB refuses the user, or the URI leads nowhere: the configuration is to be mended."""


class TriageError(FourEyesError):
    """A case of triage cannot go on."""


class CaseStateError(TriageError):
    """A case cannot become what it was to become: the message says where it stands."""


class HandOverError(TriageError):
    """Whom a case was handed to did not take it; it is tried again, and then left for `foureyes forge run`."""

    retryable = True


class PatchRefusedError(TriageError):
    """The fix is no patch, is too large, reaches beyond the project or does not fit it: another one is wanted."""


class VerificationError(TriageError):
    """Whether a fix mends its fault cannot be told here; the fix may be good."""


class ApprovalError(TriageError):
    """A fix cannot be applied: nobody has verified this one, or the project cannot be written."""


class WebhookError(FourEyesError):
    """What was posted to a webhook was not taken."""


class WebhookSecretError(WebhookError):
    """The secret of a webhook's signature is missing or no base64; the message names its variable."""


class WebhookAwayError(WebhookError):
    """Nobody took the post now; another attempt may succeed."""

    retryable = True


class WebhookRefusedError(WebhookError):
    """The webhook's receiver refuses the post for good: its url is to be corrected."""


class AlertError(FourEyesError):
    """A notice of an alert was not delivered; it is kept and tried again."""

    retryable = True


class AuditError(FourEyesError):
    """A change was made, and could not be written to the audit file; the message says why."""


class BrokerError(FourEyesError):
    """The MQTT broker is away; it is tried again until it is back."""

    retryable = True


class BrokerRefusedError(BrokerError):
    """The MQTT broker answers and does not take us: user, password or its own rules are to be mended."""


class NotRunningError(FourEyesError):
    """No daemon answers for this state folder."""


class ServiceError(FourEyesError):
    """The operating system's manager of services is not there, or refused what `foureyes service` asked of it."""


class InferenceError(FourEyesError):
    """All attempts at one reading failed; the cause is the last attempt's own error."""
