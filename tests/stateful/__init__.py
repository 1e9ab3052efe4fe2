"""Random histories through several keys, compared step by step with a naive model and with mirrors that follow."""
