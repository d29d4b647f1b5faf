"""The offline model: rules that do every task the product needs, and say that they are rules."""
