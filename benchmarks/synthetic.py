"""A made-up catalogue and conversations for measuring: invented words in real shopping sentences."""

from __future__ import annotations

import random
from itertools import accumulate

from domain.catalogue import AdEntry, AdText, AppEntry, CatalogueExport
from domain.formats import AdFormat
from domain.ids import stable_id
from fastpath.types import AdRequest, Turn

NOW = 1_795_000_000_000
APP = AppEntry(app_id="app", publisher_id="pub", formats=tuple(AdFormat), reserve_micros=10_000)
SENTENCES = (
    "Hi there, I have been looking for {} for a while now. ",
    "Which {} should I buy if I want it to last? ",
    "Can you recommend a good {}, please? ",
    "I would like to compare {} before I order anything online. ",
    "My old one was fine until last summer, and now I need {}. ",
    "What is the best {} under 200 dollars? ",
    "It's for a friend who doesn't like {} very much. ",
    "We'll be travelling in spring, so something light would be nice. ",
    "There are so many of them that I'm not sure where to start. ",
)
JAPANESE = "{}のおすすめを教えてください。予算は二万円くらいで、来週までに買いたいです。友達への贈り物にします。"
TITLES = (
    "{} by {}",
    "{} from {}",
    "{}: the {} range",
    "New {} at {}",
    "{} made by {}",
    "Save on {} at {}",
    "{}, hand-picked by {}",
    "Your next {} is at {}",
    "{} for less at {}",
    "Meet {} by {}",
)
OPENERS = (
    "Built for people who use {} every day",
    "Compare {} by size, weight and price",
    "Everything about {} in one place",
    "Try {} at home for thirty days",
    "Our {} comes with a five-year warranty",
    "Hundreds of reviews say this {} lasts",
    "The lightest {} we have ever made",
    "Small-batch {} from a family workshop",
    "Order {} before noon, have it tomorrow",
    "Refurbished {}, tested and cleaned by hand",
    "Ask our team which {} fits you",
    "Rent {} by the week, no deposit",
    "Get {} with free fitting in {} shops",
    "The {} that {} owners recommend",
    "Now in {} colours: the classic {}",
)
MIDDLES = (
    "free returns within {} days",
    "from ${} with free delivery",
    "rated {} of 100 by buyers",
    "over {} models in stock",
    "{} percent off until Sunday",
    "pay in {} instalments, no interest",
    "carbon-neutral shipping in {} countries",
    "spare parts kept for {} years",
    "a gift card of ${} with every order",
    "members save another {} percent",
)
_SYLLABLES = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]


def vocabulary(size: int, chance: random.Random) -> list[str]:
    """Return distinct invented words of 4 to 10 letters."""
    words: dict[str, None] = {}
    while len(words) < size:
        words["".join(chance.choices(_SYLLABLES, k=chance.randint(2, 5)))] = None
    return list(words)


class Market:
    """Words, tags, ads and turns of one size, the same for the same arguments.

    Args:
        ads, tags: How many. words: size of the vocabulary that tags and turns are made of.
        seed: Of the random draws.
    """

    def __init__(self, ads: int, tags: int, *, words: int = 60_000, seed: int = 3) -> None:
        self.chance = random.Random(seed)
        self.words = vocabulary(words, self.chance)
        self._cumulative = list(accumulate(1 / (i + 10) for i in range(words)))
        self.tags = self._tags(tags)
        self.export = CatalogueExport(ads=tuple(self._ad(i, ads) for i in range(ads)), apps=(APP,))

    def _word(self) -> str:
        return self.chance.choices(self.words, cum_weights=self._cumulative)[0]

    def _tags(self, count: int) -> list[str]:
        found: dict[str, None] = dict.fromkeys(self.words[: count // 5])
        while len(found) < count:
            size = self.chance.choice((1, 2, 2, 2, 3))
            found[" ".join(self._word() for _ in range(size))] = None
        return list(found)

    def _ad(self, number: int, ads: int) -> AdEntry:
        chance = self.chance
        share = -(-len(self.tags) // ads)
        own = [self.tags[(number + i * ads) % len(self.tags)] for i in range(share)]
        # The first tags are the frequent words.
        common = [self.tags[chance.randrange(max(10, len(self.tags) // 10))]]
        tags = tuple(dict.fromkeys(own + common))
        brand = self.words[number // 20 % len(self.words)].title()
        text = AdText(
            title=chance.choice(TITLES).format(tags[0], brand)[:60],
            description=self._description(tags[0]),
            cta_text=chance.choice(("Look", "Compare", "Order now", "See prices", "Learn more")),
        )
        campaign, owner = str(number // 2), str(number // 20)
        return AdEntry(
            ad_id=stable_id("ad", str(number)), campaign_id=stable_id("cmp", campaign),
            creative_id=stable_id("crt", str(number)), advertiser_id=stable_id("org", owner),
            advertiser_name=f"{brand} Ltd", payer=f"{brand} Ltd", format=chance.choice(tuple(AdFormat)),
            texts={"eng": text},
            landing_url=f"https://{brand.lower()}.example/{tags[0].replace(' ', '-')}/{number}", tags=tags,
            negative_tags=(chance.choice(self.tags),) if number % 10 == 0 else (),
            bid_micros=chance.randint(50, 5_000) * 1_000,
            quality_ppm=chance.randint(500, 1_500) * 1_000,
            geos=("US",) if number % 7 == 0 else (), ends_ms=NOW - 1 if number % 50 == 0 else None,
            budget_total_micros=10**12 if number % 3 else None,
        )  # fmt: skip

    def _description(self, tag: str) -> str:
        """Return a sentence or two of its own for an ad, 40 to 160 characters."""
        chance = self.chance
        opener = chance.choice(OPENERS)
        more = [self._word() for _ in range(opener.count("{}") - 1)]
        parts = [opener.format(tag, *more)]
        for middle in chance.sample(MIDDLES, chance.randint(1, 3)):
            parts.append(middle.format(chance.randint(2, 99)))
        return "; ".join(parts)[:159] + "."

    def text(self, length: int = 300, planted: int = 2) -> str:
        """Return one English turn of about `length` characters with a few tags in it."""
        parts: list[str] = []
        wanted = [self.chance.choice(self.tags) for _ in range(planted)]
        while sum(map(len, parts)) < length - 30:
            sentence = self.chance.choice(SENTENCES)
            fill = wanted.pop() if wanted and "{}" in sentence else self._word()
            parts.append(sentence.format(fill))
        return "".join(parts)[:length]

    def requests(self, count: int, *, turns: int = 1) -> list[AdRequest]:
        """Return requests of distinct conversations, each ending with a user turn."""
        return [
            AdRequest(
                request_id=f"req_{n:08}", app_id=APP.app_id, conversation_id=f"talk_{n}",
                message_id="m1", turns=tuple(Turn("user", self.text()) for _ in range(turns)),
                now_ms=NOW + n, geo="US",
            )
            for n in range(count)
        ]  # fmt: skip
