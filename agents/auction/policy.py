"""When the auction agent may speak, and how far its proposals go. It never changes anything by itself."""

from __future__ import annotations

#: Auctions with rivals, and advertisers in them, below which nothing is said.
LEAST_AUCTIONS = 200
LEAST_ADVERTISERS = 3
#: Effective sample size and share of support below which a log cannot speak about another rule.
LEAST_ESS = 200.0
LEAST_SUPPORT = 0.99
#: How far a reserve may be raised at once, as multiples of the one before. Lower ones cannot be judged: those
#: that bid less were not logged.
RESERVES_PPM = (1_250_000, 1_500_000, 2_000_000, 3_000_000)
#: Rounds in which bidders answer.
ROUNDS = 4
#: Clicks and sign-ups below which a bid is left alone.
LEAST_CLICKS = 100
LEAST_SUBMITS = 10
#: How far a bid may move at once.
MAX_BID_RAISE, MAX_BID_CUT = 0.3, 0.5
