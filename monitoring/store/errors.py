from aiops.faults import Unavailable


class StoreUnavailable(Unavailable):
    """The database or engine behind the store refused or did not answer. Nothing was half written; the same write may be repeated."""
