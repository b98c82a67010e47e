from aiops.faults import Unavailable


class StoreUnavailable(Unavailable):
    """The database or engine behind the store refused or did not answer. Nothing was half written; the same write may be repeated."""


class CannotRemove(Exception):
    """Samples live in an engine elsewhere, which takes nothing back; its own retention removes them."""


class Forgotten(Exception):
    """Samples came with the ids of series that were forgotten meanwhile. Nothing was written; ids have to be looked up again."""
