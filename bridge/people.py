"""What the ledger remembers of users: whose a subscription is, and under which anonymous id it was sent before."""

from bridge.mapping.users import User
from bridge.memory import Note
from bridge.values.records import Document


def previous(note: Note, facts: Document) -> Document:
    """What was known before: all of the nearest subject, and the user of the nearest subject that has one.

    Subjects come nearest first: subscription, payment, customer. The notification that joined an anonymous id to its
    user finds it again, so that a replay says the same.
    """
    known = [note.before(subject) for subject in facts.get("subjects", [])]
    found = dict(known[0]) if known else {}
    for key in ("user_id", "anonymous_id"):
        value = next((document[key] for document in known if key in document), None)
        if value is not None:
            found[key] = value
    joined = [document["joined"] for document in known if "joined" in document]
    own = next((one["id"] for one in joined if one["by"] == facts.get("notification_id")), None)
    return found if own is None else {**found, "anonymous_id": own}


def learn(note: Note, facts: Document, user: User, *, sent: bool) -> None:
    """Remember the user under every subject, and whether events went out under an anonymous id (`sent`)."""
    subjects: list[str] = facts.get("subjects", [])
    if user.user_id:
        if not user.user_id.origin.startswith("previous."):
            for subject in subjects:
                _learn_user(note, subject, user.user_id.value, nearest=subject == subjects[0])
        if sent and user.anonymous_id:
            # One event with both ids joins the histories. Never again: the subscription may pass to another user,
            # and a second pair would merge the two for good.
            joined = {"id": user.anonymous_id.value, "by": facts.get("notification_id")}
            for subject in subjects:
                note.remember(subject, anonymous_id=None, joined=joined)
    elif sent and user.anonymous_id and subjects:
        anonymous = user.anonymous_id.value
        note.remember(_filed_under(anonymous, subjects), anonymous_id=anonymous)


def _filed_under(anonymous: str, subjects: list[str]) -> str:
    """The subject whose id the anonymous id is, be it filed under an account; else the nearest."""
    own = (subject for subject in subjects if subject.rpartition("/")[2] == anonymous)
    return next(own, subjects[0])


def _learn_user(note: Note, subject: str, user_id: str, *, nearest: bool) -> None:
    """A subscription may pass to another user. A customer with two users is nobody's: it no longer tells."""
    known = note.recall(subject)
    if known.get("user_id") == user_id or known.get("several_users"):
        return
    if nearest or "user_id" not in known:
        note.remember(subject, user_id=user_id)
    else:
        note.remember(subject, user_id=None, several_users=True)
