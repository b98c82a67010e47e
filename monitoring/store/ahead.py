"""Samples of times to come, computed in this house: forecasts. They wait in Hot, in rows of their own, until their windows are sealed.

A new forecast takes the place of what was foretold before, so that hourly runs leave one sample per series and time, not one per run.
"""

from monitoring.store import forgotten
from monitoring.store.batch import Ids
from monitoring.store.database import SEAL_LOCK, exclusive
from monitoring.store.fetch import membership
from monitoring.store.samples import BLOCK_BITS, Samples, concatenate, pack, unpack
from monitoring.store.windows import DAY

FURTHEST = 400 * DAY


def replace(sids: Ids, samples: Samples, now: int) -> None:
    """`samples` (after `now`, ms) are all that these series have ahead from here on. One transaction; raises Forgotten."""
    with exclusive(SEAL_LOCK) as tables:
        forgotten.refuse(sids)
        blocks = sorted(set((sids >> BLOCK_BITS).tolist()))
        sql = f"DELETE FROM monitoring_hot WHERE block {tables.among} AND t0 > %s RETURNING id, block, t0, data"  # noqa: S608
        taken = tables.read(sql, [tables.ids(blocks), now])
        before = unpack([row[1:] for row in sorted(taken)]).aligned()  # of other series too, which stay
        after = concatenate([before.where(~membership(before.sid, sids.tolist())), samples]) if len(before) else samples
        if len(after):
            tables.insert("monitoring_hot", pack(after))
