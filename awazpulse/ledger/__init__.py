"""Who listened and what played, kept in the database: for owners, and for royalty reports.

`Book` takes what happens and never waits; `LedgerWriter` writes it behind, in batches; `LedgerReader`
and `reports` answer questions.
"""
