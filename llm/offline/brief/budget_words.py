"""The words around an amount that say what it is for."""

from __future__ import annotations

import re
from functools import cache

from llm.offline.brief.lexicon import rows
from llm.offline.brief.money import Amount, resolve
from llm.offline.brief.numbers import DIGITS, KANJI, SCALE
from llm.offline.brief.text import Text

#: Roles that are a budget per period.
PERIODS = ("week", "month", "quarter", "year")

_LIMIT = (
    r"(?:no more than|not more than|at most|max(?:imum)?(?: of)?|under|below|less than|up to|within"
    r"|not exceed(?:ing)?|cap(?:ped)? at|keep(?:ing)? it (?:under|below)|<=?|limit(?: of)?)"
)
_UNIT = {
    "daily": r"(?:day|diem|24 ?h(?:ours)?|d)\b",
    "week": r"(?:week|wk|w)\b",
    "month": r"(?:month|mo|mth|m)\b",
    "quarter": r"(?:quarter|qtr|q)\b",
    "year": r"(?:year|yr|annum|y)\b",
}
_ADVERB = {
    "daily": r"daily|day-rate",
    "week": r"weekly",
    "month": r"monthly|p\.?c?\.?m\.?(?![a-z])|p/m",
    "quarter": r"quarterly",
    "year": r"yearly|annually|annual|p\.?a\.?(?![a-z])",
}
_SPEND = r"(?:budgets?|spend(?:ing)?|cap|limit|max(?:imum)?|allowance|ad spend|investment|rate)"
_JA_BEFORE = {
    "daily": (
        r"(?:日予算|日額|日次予算|デイリー予算|デイリー|毎日|(?:1|一)日(?:の予算)?|(?:1|"
        r"一)日(?:あたり|当たり|当り|につき|ごと)(?:の予算)?)"
    ),
    "week": (
        r"(?:週予算|週次予算|毎週|週間予算|週額|(?:1|一)?週間?(?:あたり|当たり|につき|"
        r"の予算)|(?<![\d一二三四今来])週|(?<!\d)週間)"
    ),
    "month": (
        r"(?:月額|月間予算|月予算|月次予算|毎月|月々|月間|ひと月|(?:1|"
        r"一)[かヶカ]月(?:あたり|当たり|につき|の予算)|"
        r"(?<![\d一二三四五六七八九十今来])月)"
    ),
    "quarter": r"(?:四半期予算|四半期ごと|毎四半期|四半期(?:あたり)?)",
    "year": r"(?:年間予算|年間|年額|毎年|年予算|(?<![\d去今来])年)",
}
_JA_GLUE = (
    r"(?:の?(?:広告費|予算|費用|上限))?(?:は|を|が|に|で|:|、|の)?\s?(?:最大|上限|約|およそ)?\s?$"
)
_JA_UNIT_AFTER = {
    "daily": r"\s?(?:/|毎|per )日",
    "week": r"\s?/週",
    "month": r"\s?/(?:月|[かヶカ]月)",
    "quarter": r"\s?/四半期",
    "year": r"\s?/年",
}

#: Something that one pays for per piece.
_EACH_NOUN = (
    r"(?:person|head|user|customer|client|conversion|acquisition|action|result|order|"
    r"sale|booking"
    r"|subscriber|subscription|download|install(?:ation)?|lead|sign-?up|sign up|"
    r"registration|trial|demo|member"
    r"|purchase|reservation|enquiry|inquiry|application|appointment|attendee|signup|"
    r"buyer|new user"
    r"|(?:new|qualified|paying) \w+|demo request|app install|contact|donation|donor|"
    r"applicant|enrolment|enrollment|visit)"
)
_CAP_AFTER = re.compile(
    rf"^\s?(?:max(?:imum)?\s|or less\s|tops\s|at most\s|as a max(?:imum)? )?"
    rf"(?:(?:/|per|for (?:each|every|a|an)|each|every|an?) ?{_EACH_NOUN}\b|cpa\b|cpi\b|"
    rf"cpl\b|cost[- ]per"
    rf"|(?:max(?:imum)? )?(?:target )?(?:cpa|cpi|cpl)\b|(?:a|per) (?:pop|piece)\b|"
    rf"apiece\b)"
)
_EACH_AFTER = re.compile(
    r"^\s?(?:each|apiece|per piece|a piece|a pop)\b(?! (?:day|week|month|quarter|year))"
)
_CAP_BEFORE = re.compile(
    r"(?:\bcpas?\b|\bcpi\b|\bcpl\b|cost[- ]?per[- ]?[\w-]+(?: [\w-]+)?|target cost|"
    r"acquisition costs?"
    r"|costs? of acquisition|cost of each|pay(?:ing)? per [\w-]+)[^.;,\d]{0,28}$"
)
_BID = re.compile(
    r"^\s?(?:per click|a click|cpc|cpm|per (?:1,?000|thousand|mille)|per (?:view|impression))\b"
)
_BID_BEFORE = re.compile(
    r"(?:\bcpc\b|\bcpm\b|\bcpv\b|cost[- ]per[- ](?:click|view|mille)|max(?:imum)? bid|"
    r"クリック単価)[^.;,\d]{0,20}$"
)
_PRICE_BEFORE = re.compile(
    r"(?:priced (?:at|from)|prices? (?:of|from|is|starts? at|are)?|price:?|"
    r"costs?(?: only| just| about)?|costing|worth(?: of)?"
    r"|starting (?:at|from)|starts? (?:at|from)|retail(?:s|ing)? (?:at|for)|"
    r"sells? (?:for|at)|selling (?:for|at)|sold (?:for|at)"
    r"|for (?:just|only)|rrp|msrp|\bsav(?:e|ing)|valued at|fees? (?:of|is)|"
    r"orders? over|over|earn(?:s|ing)?(?: over| above| more than)?"
    r"|incomes?(?: of| over| above)?|salar(?:y|ies)(?: of| over| above)?|"
    r"revenues? (?:over|above)|aov|ltv|order value(?: of| is)?"
    r"|raise|raising|win|prize(?: of)?|discount of|vouchers?(?: of)?|"
    r"gift cards?(?: of)?|available (?:at|for)|turnover (?:of|over)|shipping)\s$"
)
_PRICE_DETERMINER = re.compile(
    r"(?:\b(?:our|my|their|this|the|these|an?|new|sell|selling|promote|advertise|of)|円|\")\s$"
)
_BUDGET_NOUN = re.compile(
    r"^[\s-]?(?:(?:total|overall|ad|ads|advertising|marketing|media|campaign|test|"
    r"initial|whole|entire|launch|max(?:imum)?)[\s-])*"
    r"(?:budgets?|spend|campaign|total|cap|limit|max(?:imum)?|ad spend|investment|for|"
    r"to|on|in|by|and|or|at|a|per|over|before|until|from|with|is|left|available|across|"
    r"max|between|during|this|next|through|throughout|only|altogether|daily|weekly|"
    r"monthly|quarterly|yearly|please|should|we|i|starting|starts?|ends?|ending|"
    r"running|runs?|total|within|via|using|worldwide|globally|till|as|test)\b"
)
_PRICE_AFTER = re.compile(
    r"^[\s-]?(?:off\b|discount|vouchers?\b|gift cards?\b|coupons?\b|cashback|"
    r"membership|tickets?\b|prizes?\b|price\b|prize\b|plan\b|bonus\b|or more\b|"
    r"\+ (?:income|households)|a[- ](?:ticket|bottle|box|pair|seat|night|bag|cup|"
    r"copy)\b|per (?:ticket|bottle|box|pair|seat|night|bag|cup|copy|hour|lesson|"
    r"class)\b|/(?:night|hour|lesson|class)\b)"
)
_REVENUE_AFTER = re.compile(
    r"^\s?(?:in|of|worth of) (?:\w+ )?(?:sales|revenue|turnover|orders|bookings)\b|"
    r"^(?:の)?売(?:り)?上"
)
_REVENUE_BEFORE = re.compile(
    r"売(?:り)?上(?:げ|高)?(?:目標)?(?:を|は|が|で)?\s?$|\b(?:sales|"
    r"revenue) (?:target |goal )?of\s$"
)
_TOTAL_NEAR = re.compile(
    r"(?:budget|spend|spending|total|altogether|overall|invest(?:ing|ment)?|ad money|"
    r"allocat\w+|we have|i have|i've got|we've got"
    r"|work with|予算|総額|合計|総予算|全部で|費用|広告費|全体で)[^.;,、。\d]{0,28}$"
)
_TOTAL_AFTER = re.compile(
    r"^[\s-]?(?:(?:in |as )?(?:a |the )?(?:total|all|altogether|overall)\b|"
    r"(?:\w+ )?budget\b|ad spend\b|to spend\b|(?:以内|まで)?の?(?:予算|広告費|範囲))"
)
_JA_CAP_BEFORE = re.compile(
    r"(?:(?:1|一)(?:件|人|名|登録|インストール|ダウンロード|dl|申込|申し込み|予約|購入|"
    r"注文|リード|回|契約|成約|コンバージョン|cv|顧客|来店|問い合わせ|資料請求)"
    r"(?:の獲得)?(?:あたり|当たり|当り|につき|ごと)?(?:の?(?:上限|単価|コスト|費用|"
    r"獲得単価|獲得コスト))?"
    r"|cpa|cpi|cpl|獲得単価|獲得コスト|成果単価|登録単価|申込単価|リード単価|"
    r"顧客獲得\S{0,3}単価)"
    r"(?:の)?(?:目標|上限)?(?:は|を|が|で|に|:|、|の)?\s?(?:最大|上限|約)?\s?$"
)
_JA_CAP_AFTER = re.compile(
    r"^\s?/\s?(?:件|人|登録|インストール|dl|申込|リード|cv)|^\s?(?:以下|以内|"
    r"まで)?の?(?:cpa|cpi|cpl|獲得単価)"
)
_JA_PRICE_BEFORE = re.compile(
    r"(?:価格|定価|税込|税抜|値段|料金|会費|単価|売価|年収|客単価|初回|1個|1本|1着|1枚|"
    r"1泊)(?:は|が|で|の|:)?\s?$"
)
_JA_PRICE_AFTER = re.compile(
    r"^(?:の(?!予算|広告|コスト|費用|範囲|以内|上限|総額|投資)|引き|オフ|off|以上の|"
    r"相当|分の|で販売|で買える|\(税|台の|均一|から買え)"
)

#: A number called a budget that has no known currency; `u` is a unit nobody can bill in.
_UNKNOWN = (
    r"bitcoins?|btc|eth|ether(?:eum)?|dogecoins?|doge|usdt|tether|tokens?|credits?|"
    r"coins?|points?|gold(?: coins?| pieces)?|gems|robux|v-bucks"
)
_NUMBER = rf"(?P<n>-?\s?(?:{DIGITS})(?:\s?{SCALE})?)"
_NOT_MONEY = (
    r"(?![\d%/.-]|(?:st|nd|rd|th)\b| ?(?:-|to )?\d| ?(?:days?|weeks?|months?|years?|"
    r"hours?|ads?|channels?|people|sign"
    r"|leads?|per ?cent|percent|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|%))"
)
_GLUE = (
    r"(?: of| is| are|:| to| up to| at| about| around| at most| only| just| max|"
    r" maximum| limit| a(?: total)?)*\s?"
)
#: Numbers that are called a budget without a currency that we know.
BARE_EN = (
    re.compile(
        rf"\b(?:budgets?|spend(?:ing)?|invest|total|"
        rf"with)\b{_GLUE}{_NUMBER}(?P<u>\s(?:{_UNKNOWN})\b)"
    ),
    re.compile(
        rf"\b(?:budgets?|spend(?:ing)?|invest|total spend)\b{_GLUE}{_NUMBER}{_NOT_MONEY}(?P<u>)"
    ),
    re.compile(rf"(?<![\w$£€¥.,-]){_NUMBER}(?P<u>\s(?:{_UNKNOWN})\b)"),
    re.compile(
        rf"(?<![\w$£€¥.,-]){_NUMBER}(?P<u>)(?= (?:total |daily |weekly |monthly )?budget\b"
        rf"|\s?(?:a|per|/|each|every)\s?(?:day|week|month|quarter|year)\b| (?:daily|weekly|"
        rf"monthly)\b)"
    ),
)
_UNKNOWN_JA = (
    r"ビットコイン|イーサリアム|仮想通貨|ゴールド|ポイント|コイン|トークン|クレジット|ジェム|ダイヤ"
)
BARE_JA = (
    re.compile(rf"(?P<n>{KANJI})\s?(?P<u>(?:{_UNKNOWN_JA}))"),
    re.compile(
        rf"(?:予算|広告費|費用|総額|合計|月額|日額)(?:は|が|を|:|、|の)?\s?(?:約|およそ|"
        rf"最大)?\s?(?P<n>-?{KANJI})"
        rf"(?P<u>)(?![\d件人日月年回週%割/か]|名)"
    ),
)
#: "500 zorkmids on ads": a noun that is no currency we know, where a currency should be.
UNKNOWN_UNIT = re.compile(
    r"^ (?!on\b|for\b|to\b|in\b|and\b|by\b|until\b|per\b|a\b|max|total|budget|at\b|"
    r"or\b|before\b|from\b|with\b|over\b|across\b|is\b|as\b)[a-z]{3,}s?(?= (?:on|for|"
    r"to|in|into|advertising|promoting|per|by|until|before)\b)"
)

VAGUE = re.compile(
    r"\b(?:a few|several|some|a couple(?: of)?|tens of|hundreds of|"
    r"thousands of)\s(?:hundred|thousand|million|k|grand)?s?\s?(?:of )?"
    r"(?P<c>dollars|euros|pounds|yen|bucks|quid|francs|pesos|rupees|won|usd|eur|gbp|"
    r"jpy)\b"
    r"|\b(?:a few|several|a couple(?: of)?) (?:hundred|thousand|grand|million)\b"
    r"|\b(?:five|six|four|seven)[ -]figure (?:budget|spend)"
    r"|数(?:百|千)?(?:十|百|千)?(?:万|億|千|百)?(?P<j>円|ドル|ユーロ)|(?:何|幾)(?:万|"
    r"千)円"
)
NO_BUDGET = re.compile(
    r"\b(?:no|zero|without (?:a|any)|without|free) (?:ad |advertising |"
    r"marketing )?budget\b(?! (?:limit|cap|constraint|yet|ceiling|decided|set|"
    r"in mind))"
    r"|\bbudget (?:of|is) (?:zero|nothing)\b|予算(?:なし|ゼロ|は(?:なし|ゼロ|"
    r"ありません))|\bfree of charge campaign"
)
UNLIMITED = re.compile(
    r"\b(?:unlimited|no (?:limit|cap)(?: on| to)?(?: the| our)?|limitless|no|"
    r"without(?: a| any)?)\s(?:budget|spend(?:ing)?)\s?(?:limit|cap|ceiling|"
    r"constraints?)?\b"
    r"|\bbudget is (?:unlimited|no object)|予算(?:は)?(?:無制限|上限なし|青天井|"
    r"いくらでも)"
)


def vague_currency(match: re.Match[str]) -> str | None:
    """Return the currency of a vague amount such as "a few thousand dollars", or None."""
    word = match["c"] or match["j"]
    codes = {row[0]: row[1] for row in rows("currencies")}
    return resolve(codes.get(word), ()) if word else None


@cache
def _period_patterns() -> tuple[tuple[str, re.Pattern[str], re.Pattern[str]], ...]:
    built = []
    for role, unit in _UNIT.items():
        adverb = _ADVERB[role]
        after = (
            rf"^\s?(?:\(?max(?:imum)?\)? ?)?(?:of ad spend |in ads |ad (?:budget|spend) |"
            rf"(?:budget|spend) )?"
            rf"(?:(?:/|per |an? |each |every ){unit}|(?:{adverb})|"
            rf"{_JA_UNIT_AFTER[role].removeprefix(chr(92) + 's?')})"
        )
        before = (
            rf"(?:\b(?:{adverb})\s(?:\w+ )?{_SPEND}|{_SPEND} (?:per|each|a|/) ?{unit}|\b(?:each|"
            rf"every|per) {unit}|\b(?:{adverb}):?)"
            rf"(?:(?! and | plus | but )[^.;,\d]){{0,24}}$|{_JA_BEFORE[role]}{_JA_GLUE}"
        )
        built.append((role, re.compile(after), re.compile(before)))
    return tuple(built)


def role_of(text: Text, amount: Amount) -> str:
    """Return what an amount is for.

    One of `total` (called a budget), `weak` (nothing else claims it), `daily`, `week`, `month`,
    `quarter`, `year`, `cap` (cost per action), `bid` (cost per click or view), `revenue` (a sales
    target in money), `price` (of the product) or `other`.
    """
    before, after = text.before(amount.start, 60), text.after(amount.end, 60)
    if _BID.search(after) or _BID_BEFORE.search(before):
        return "bid"
    if _REVENUE_AFTER.search(after) or _REVENUE_BEFORE.search(before):
        return "revenue"
    if _is_cap(before, after):
        return "cap"
    if _is_price(before, after):
        return "price"
    for role, after_re, before_re in _period_patterns():
        if after_re.search(after) or before_re.search(before):
            return role
    if _TOTAL_NEAR.search(before) or _TOTAL_AFTER.search(after):
        return "total"
    return "weak"


def _is_cap(before: str, after: str) -> bool:
    if _CAP_AFTER.search(after) or _CAP_BEFORE.search(before):
        return True
    if _EACH_AFTER.search(after):
        limit = re.search(rf"{_LIMIT}[^.;\d]{{0,8}}$", before)
        return bool(limit) or (
            not _PRICE_BEFORE.search(before) and not re.search(r"\bat\s$", before)
        )
    return bool(_JA_CAP_BEFORE.search(before) or _JA_CAP_AFTER.search(after))


def _is_price(before: str, after: str) -> bool:
    if _PRICE_BEFORE.search(before) or _PRICE_AFTER.search(after):
        return True
    if _JA_PRICE_BEFORE.search(before) or _JA_PRICE_AFTER.search(after):
        return True
    if re.search(r"[a-z)] ?\($", before) and after.startswith(")"):
        return not re.search(r"budget|total|spend|max|cost", before[-24:])
    if not _PRICE_DETERMINER.search(before):
        return False
    followed = re.match(r"^(?:[\s-]?(?:/|per |a )(?:month|year|week|mo)\b)?[\s-]?[a-z]", after)
    return bool(followed) and not _BUDGET_NOUN.search(after)
