"""The ground floor: ids, money, time, language, ad formats, briefs, product facts, errors.

Standard library and msgspec only; knows nobody.
"""
