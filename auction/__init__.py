"""Position auctions in integer micros: GSP charge, VCG shadow, reserves, stable ties. Pure."""

from auction.position import run
from auction.types import Candidate, Outcome, Rule, Sale

__all__ = ["Candidate", "Outcome", "Rule", "Sale", "run"]
