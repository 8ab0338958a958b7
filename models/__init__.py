"""What is optimised: lp (the LP layer), geo, investment, dispatch, pareto."""
