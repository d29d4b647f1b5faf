"""The auction agent: reads shadow results and pacing, proposes reserves, bids and charge rules."""
