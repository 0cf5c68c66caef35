"""The forge: Freqtrade as an engine for strategies that nobody trusts.

A warm server (`server`) imports Freqtrade and loads candles once; each job is a caged fork of it (`child`), whose
answer is checked and concluded by code that never saw the strategy (`conclusion`). Other processes ask through
`client.ForgeEngine`, which imports neither Freqtrade nor pandas.
"""
