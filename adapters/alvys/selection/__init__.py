"""Which of Alvys' records become transactions, as tables of rules, and why the others do not. Pure."""
