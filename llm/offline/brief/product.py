"""What a goal advertises, as a noun phrase from the goal."""

from __future__ import annotations

import re

from llm.offline.brief.text import MASK, Text

_KINDS = ("money", "date", "channel", "language", "kpi", "audience")
_VERB = (
    r"(?:re-?launch(?:es|ing)?|promot(?:e|es|ing|ion of)|advertis(?:e|es|ing)|"
    r"market(?:ing)?|sell(?:ing)?|launch(?:es|ing)?|push(?:ing)?|plug|publici[sz]e|"
    r"showcase|introduc(?:e|ing)|announc(?:e|ing)|pitch"
    r"|spread the word about|word out (?:about|on|for)|drive traffic to|traffic (?:for|"
    r"to)|bring (?:people|visitors) to|tell (?:people|everyone) about|boost|grow|fill|"
    r"rent out|get (?:people|users|visitors) (?:to|into|for))"
)
_OWN = r"(?:our|my|the|a|an|this|their|these|some)"
_STOP = (
    r"(?:in|on|by|to|for|with|until|till|before|from|at|via|this|next|during|through|"
    r"throughout|using|within|over|among|amongst|across|targeting|target|aimed|aiming|"
    r"and get|worldwide|globally|who|that|which|as|so|but|not"
    r"|starting|ending|budget|we|i|is|are|has|have|should|seen|better|more|per|under|"
    r"against|without|run(?= (?:it|them|this|our|ads?|until|from|for|on|through|a|"
    r"during|all|only)\b)|max|total|spend|where|when|between|around|into|ads|only|"
    r"please|just|known|noticed|about|while|because|if|everywhere|anywhere|launching|"
    r"costs?|priced|ranks?|reach|except|and (?:we|i|get|reach|target|want|need|drive|"
    r"spend|run|our budget|a budget))"
)
_NP = re.compile(
    rf"(?:(?!{_STOP}\b)[\w'’&\"+/.#%-]*[\w'’&\"+/#%]\.?(?=[\s,;:.!?()\x00]|$)\s?){{1,8}}"
)
_HEADS = (
    re.compile(
r"\b(?:product|campaign|item|service|offer|advertise|promote|project|"
r"what)\s?: (?=[\w\x00])"
),
    re.compile(
rf"\b{_VERB} (?:(?:more |the sales of |sales of |downloads of |awareness (?:of|"
rf"for) |demand for |bookings (?:for|at) |\x00+ ?)*)(?={_OWN}\b|[\"\w\x00])"
),
    re.compile(
r"\b(?:ads?|adverts?|advertising|marketing|campaigns?|awareness|promotion|push|"
r"signups?|sign-ups?|leads?|buzz|sales|downloads|installs|launch|demand|interest|"
r"orders|bookings|requests|visibility|commercials?|banners?) (?:for|of|about|"
r"around|at|to) (?=[\"\w\x00])"
),
    re.compile(r"\b(?:for|of|to|at|about|on|about|behind) (?=(?:our|my)\b)"),
    re.compile(r"(?<![\w])(?=(?:our|my) )"),
    re.compile(r"\b(?:we are|we're|i am|i'm|(?:i|we) (?:own|run|have)) (?=(?:a|an|the)\b)"),
    re.compile(r"(?:^|\x00|[,;:.] ?)\s?(?:for|of|to) (?=(?:a|an|the)\b)"),
    re.compile(r"\x00\s?(?:for|of|at) (?=[\w])"),
    re.compile(r"\bfor (?=(?:a|an|the)\b)"),
)  # fmt: skip
_LEAD = re.compile(
    r"^(?:(?:(?:\d+-(?:day|week|month) )?(?:free )?trial (?:of|for)|our|my|the|a|an|"
    r"this|their|these|some|more|brand[- ]new|brand new|new|newly launched|upcoming|"
    r"latest|own|local|free|small|online ads for|ads for|first ever|very own|amazing|"
    r"great|best)\s)+"
)
_NAMED = re.compile(r"[\"“「]([^\"”」]{2,60})[\"”」]")
_NOT_PRODUCT = re.compile(
    r"^(?:(?:app |new )*(?:downloads|installs|sign-?ups)|products?(?: go viral)?|"
    r"(?:job|loan|housing)|ads?|adverts?|advertising|campaigns?|budgets?|(?:total |"
    r"max |whole |daily |weekly |monthly |marketing |ad )*(?:budget|spend|cap)|sales|"
    r"goals?|leads?|sign-?ups?|signups?|customers?|more|people|money|brand|awareness|"
    r"traffic|kpis?|it|them|us|you|me|audience|market|team|business goals?|roas|cpa|"
    r"ctr|conversions?|clicks?|year|month|week|day|users?|one|all|limit|sale|"
    r"sales event|promotion|promo|max spend|everything|something|target(?: audience)?|"
    r"end|start|previous instructions|instructions|things?|stuff|unlimited(?: \w+)?|"
    r"end date|ad spend|max|sum|purchases|orders|downloads|installs|bookings|reach|"
    r"revenue|same|rest|results?|numbers?|figures|impressions)$"
)
_AGENCY = re.compile(r"(?:-based|agency wants|team wants)")
_MAX = 60


def read_product(text: Text) -> str | None:
    """Return the advertised thing in lower case without articles, or None if none is named."""
    phrase = _japanese(text) if text.japanese else None
    if phrase is None:
        phrase = _english(text)
    return phrase[:_MAX].strip() if phrase else None


def _english(text: Text) -> str | None:
    masked = text.masked(*_KINDS)
    if named := _NAMED.search(text.low):
        return named[1].strip()
    for head in _HEADS:
        for match in head.finditer(masked):
            phrase = _noun_phrase(masked, match.end(), text)
            if phrase:
                return phrase
    return _fragment(text, masked)


def _noun_phrase(masked: str, position: int, text: Text) -> str | None:
    rest = masked[position:]
    skipped = re.match(rf"(?:{_OWN} )?[{MASK}\s-]*(?:worth of |of )?", rest)
    offset = skipped.end() if skipped else 0
    match = _NP.match(rest[offset:])
    if not match:
        return None
    start = position + offset
    end = start + match.end()
    phrase = masked[start:end]
    cut = re.search(r"[.;:!?,]\s|[,;:!?.]$|\.$", phrase)
    phrase = phrase[: cut.start()] if cut else phrase
    if _AGENCY.search(phrase):
        return None
    following = masked[start + len(phrase) :]
    travel = re.match(r"\s?to ([a-z]+)", following)
    if travel and re.search(
        r"(?:flights?|trips?|tours?|tickets?|cruises?|ferr(?:y|ies))\s?$", phrase
    ):
        phrase = f"{phrase.strip()} to {travel[1]}"
    joined = re.match(
        (
            r"\s?(about|of) ((?!our|my)[\w' -]+?)(?=\s(?:in|on|to|for|by|until|with|and|at|"
            r"from|before|this)\b|[,.;\x00]|$)"
        ),
        following,
    )
    if joined and joined[1] == "about":
        phrase = f"{phrase.strip()} about {joined[2].strip()}"
    return _clean(phrase)


def _clean(phrase: str) -> str | None:
    phrase = phrase.strip(" ,.;:-\"'" + MASK)
    phrase = _LEAD.sub("", phrase + " ").strip(" ,.;:-\"'" + MASK)
    phrase = re.sub(
        (
            r"(?:'s)? (?:and|or|&|of|line up|now|today|here|company wants|everywhere|worldwide|"
            r"globally)$"
        ),
        "",
        phrase,
    )
    if (
        len(phrase) < 2
        or _NOT_PRODUCT.match(phrase)
        or not re.search(r"[a-z]{2}|[a-z]&[a-z]", phrase)
    ):
        return None
    return phrase


def _fragment(text: Text, masked: str) -> str | None:
    """A noun phrase between commas: "$500, bubble tea kiosk, Taipei"."""
    masked = text.masked(*_KINDS, "place")
    for piece in re.split(r"[,;.:\x00!?()+/]", masked):
        words = piece.split()
        if not 2 <= len(words) <= 6 or re.search(
            rf"^(?:{_STOP}|and|or|get|we|i|of|find|aim|achieve|bring|use|no|make|can|do)\b",
            piece.strip(),
        ):
            continue
        phrase = _clean(piece)
        if phrase and re.search(_THING, phrase):
            return phrase
    return None


_THING = re.compile(
    r"\b(?:app|shop|store|restaurant|cafe|café|kiosk|service|services|software|"
    r"platform|tool|brand|course|courses|classes|lessons|school|studio|gym|hotel|"
    r"clinic|bakery|bar|salon|subscription|box|kit|game|book|ebook|podcast|newsletter|"
    r"magazine|website|saas|crm|agency|festival|conference|webinar|event|tour|tours|"
    r"shoes|clothing|jewelry|jewellery|furniture|coffee|tea|wine|beer|snacks|skincare|"
    r"cosmetics|supplements|insurance|bank|card|bike|bikes|scooter|car|cars|rental|"
    r"rentals|camp|workshop|museum|theatre|marketplace|startup|business|company|line|"
    r"outlet|boutique|farm|brewery|winery|spa|pharmacy|dentist|practice|firm|firms|"
    r"community|club|album|film|toys?|gadgets?|headphones|headset|laptop|phone|watch|"
    r"watches|bags?|candles|plants|flowers)s?\b"
)
_JA_SPACE = re.compile(r"(?<=[a-z0-9]) (?=[a-z0-9])")
_JA_GENERIC = re.compile(
    r"アプリ|サービス|商品|製品|サイト|広告|ウェブサイト|ホームページ|お店|店舗|会社|"
    r"新商品|新製品|新サービス"
)
_JA_OWN = re.compile(
    r"^(?:(?:向けの?|むけの?|対象の)|(?:弊社|当社|自社|うち|私|わたし|僕|私たち|我が社|"
    r"当店|御社)(?:の|が運営する)|(?:新しい|新発売の|新登場の|人気の|話題の|自慢の|"
    r"最新の|この|その|こだわりの)|.{0,12}?(?:を|に)?(?:目指して|目標に|目標として|"
    r"狙って)|て(?=[ァ-ヶ一-龥a-z]))+"
)
_JA_CHAR = r"[^、。,.!?「」『』\x00:;()\s]"
_JA_VERB = (
    r"(?:宣伝|広告|pr(?![a-z])|プロモ|販売|売り|売る|紹介|告知|訴求|集客|アピール|公開|"
    r"広め|知って|売って|届け|販促|リリース|展開|打ち出|推し|認知|promo)"
)
_JA_NOT = re.compile(
    r"^(?:.*(?:広告|認知度?|売上|売り上げ|予算|目標|件数|登録者?|クリック|インストール|"
    r"ダウンロード|資料請求|問い合わせ|申し込み|申込|予約|注文|集客|顧客|お客様|期間|"
    r"キャンペーン|cpa|roas|ctr|インプレッション|リーチ|広告費|配信|ターゲット|"
    r"会員登録|成約|フォロワー|ブランド認知|見込み客|リード|獲得|コスト|費用|日本だけ|"
    r"訴求|宣伝|来店|購入|知名度|単価|総額|合計|年間|月間|週間|四半期|月額|日額|使う|"
    r"使い|\d+件)|.*(?:したい|する|して|ほしい|です|ます|ない|ください)|月|週|日|年|人|"
    r"方|男性|女性|件|全体|合計|新規|総額|上限|特に|目的|代わり|だけ|のみ|まで|から|"
    r"国内|継続|終了日|以内|以下|程度|ネット|今すぐ|円|最大|\d+(?:件|人|名|個)|約|毎月|"
    r"毎日|毎週|未定|無期限|\d+|[あ-ん]{1,3})$"
)
_JA_LEAD = re.compile(
    r"^(?:(?:の|と|や|で|に|は|を|が|も|から|まで|向けの?|むけの?|対象の|限定の?|中の?|"
    r"在住の|に向けて?|へ|層に|ために|チラシの代わりに|特に|て(?=[ァ-ヶ一-龥a-z])|"
    r"(?:だけ|のみ|中心)[でに]|.{0,12}?(?:目指して|目標に|目標として))|(?:弊社|当社|"
    r"自社|うち|私|わたし|僕|私たち|我が社|当店|御社)(?:の|が運営する)|(?:新しい|"
    r"新発売の|新登場の|人気の|話題の|自慢の|最新の|この|その|こだわりの))+"
)
_JA_TAIL = re.compile(
    r"(?:の(?:広告|宣伝|予約|注文|購入|会員登録|登録|新規登録|資料請求|お?問い合わせ|"
    r"申し?込み?|来場予約|来場|体験予約|無料体験|成約|参加登録|見学予約|来店|導入|"
    r"利用者|ユーザー|お客様|見込み客|リード|pr|集客|販売促進|販促|プロモーション|"
    r"認知度?|ブランド認知|売上|売り上げ|販売|知名度|魅力|良さ|存在|キャンペーン|"
    r"無料相談|来場|参加|ダウンロード数?|インストール数?|新規|オープン|こと|会員|"
    r"キャンペーン告知|ブランディング)|(?:を|が|は|に|で|へ|と|の|も|です|でした|だ|"
    r"ですが|について|用|専用)|を(?:宣伝|広告|販売|紹介).*|[!!。]+|向け)+$"
)


def _japanese(text: Text) -> str | None:
    masked = _JA_SPACE.sub("\x01", text.masked(*_KINDS, "place"))
    if named := re.search(r"[「『]([^「」『』]{1,40})[」』]", text.norm):
        return named[1].lower()
    for pattern in (
        rf"({_JA_CHAR}{{1,40}}?)を(?={_JA_CHAR}{{0,40}}?{_JA_VERB})",
        rf"({_JA_CHAR}{{1,40}}?)(?:の|に関する)(?={_JA_VERB})",
        rf"({_JA_CHAR}{{1,40}}?)を(?!{_JA_CHAR}{{0,40}}?(?:目標|目指|ターゲット|設定|除|増|伸ば|高め|獲得))",
        rf"({_JA_CHAR}{{1,40}}?)(?:の|へ)(?=\x00)",
        rf"({_JA_CHAR}{{1,40}}?)を",
    ):
        for match in re.finditer(pattern, masked):
            behind_mask = masked[max(0, match.start() - 1) : match.start()] == MASK
            phrase = _clean_japanese(match[1], behind_mask)
            if phrase and not _JA_GENERIC.fullmatch(phrase):
                return phrase
    return _japanese_fragment(masked)


def _clean_japanese(phrase: str, behind_mask: bool) -> str | None:
    previous = None
    while previous != phrase:
        # A particle belongs to what was understood in front of it, never to the phrase itself.
        lead = _JA_LEAD if behind_mask or previous is not None else _JA_OWN
        previous = phrase
        phrase = lead.sub("", phrase.strip(" -~・%/"))
        phrase = _JA_TAIL.sub("", phrase)
    for particle in ("で", "に", "は", "へ"):
        # "福岡で犬の散歩代行" keeps what stands behind the last particle between kanji or kana words.
        head, _, tail = phrase.rpartition(particle)
        if head and tail and len(tail) >= 2 and not re.match(r"[ぁ-ん]", tail) and _is_clause(head):
            phrase = _JA_LEAD.sub("", tail)
    phrase = phrase.replace("\x01", " ")
    if len(phrase) < 2 or _JA_NOT.match(phrase):
        return None
    return phrase


def _is_clause(head: str) -> bool:
    return bool(re.search(r"[ァ-ヶー一-龥a-z0-9]$", head)) and len(head) >= 2


def _japanese_fragment(masked: str) -> str | None:
    best: str | None = None
    for match in re.finditer(rf"{_JA_CHAR}{{1,60}}", masked):
        phrase = _clean_japanese(
            match[0], masked[max(0, match.start() - 1) : match.start()] == MASK
        )
        if phrase is None or not re.search(r"[ァ-ヶー一-龥]", phrase) or len(phrase) > 24:
            continue
        if re.search(
            r"[ぁ-ん]{5,}|(?:たい|する|して|ます|です|欲しい|以外|除く|ください)$", phrase
        ):
            continue
        if best is None or _JA_GENERIC.fullmatch(best):
            best = phrase
    return best
