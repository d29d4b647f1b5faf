"""The arrays of a snapshot as attributes, for whoever reads them by name."""

from __future__ import annotations

from typing import Any


class Tables:
    """What `layout.ARRAYS` and `layout.VECTORS` name; numpy arrays mapped read-only, and the hashes' secret."""

    seed: int
    buckets: Any
    prints: Any
    form_offsets: Any
    form_blob: Any
    form_plain: Any
    form_tag_offsets: Any
    form_tags: Any
    tag_form: Any
    tag_words: Any
    tag_weight: Any
    post_offsets: Any
    post_ads: Any
    block_offsets: Any
    block_ads: Any
    block_keys: Any
    block_dictionary: Any
    creative_id_offsets: Any
    creative_id_blob: Any
    id_offsets: Any
    id_blob: Any
    campaign_id_offsets: Any
    campaign_id_blob: Any
    advertiser_id_offsets: Any
    advertiser_id_blob: Any
    ad_bid: Any
    ad_quality: Any
    ad_model: Any
    ad_format: Any
    ad_house: Any
    ad_currency: Any
    ad_campaign: Any
    ad_advertiser: Any
    ad_languages: Any
    ad_tag_offsets: Any
    ad_tags: Any
    ad_pace: Any
    ad_rule: Any
    rule_starts: Any
    rule_ends: Any
    rule_devices: Any
    rule_weekdays: Any
    rule_geo_offsets: Any
    rule_geos: Any
    rule_app_offsets: Any
    rule_apps: Any
    rule_app_block_offsets: Any
    rule_app_blocks: Any
    rule_negative_offsets: Any
    rule_negatives: Any
    rule_topic_offsets: Any
    rule_topics: Any
    rule_content_offsets: Any
    rule_contents: Any
    topic_post_offsets: Any
    topic_posts: Any
    topic_tag: Any
    kept_away: Any
    piece_slots: Any
    piece_rows: Any
    piece_vectors: Any
    piece_weights: Any
    ad_vectors: Any
    ad_vector_norms: Any
    ad_vector_bits: Any
    ad_vector_keys: Any
    word_slots: Any
    word_rows: Any
    word_weights: Any
    word_offsets: Any
    word_ads: Any
    word_shares: Any
