"""The demo: a sample site, one day of prices and demand, the operator as a real process, and a monitor of its own."""
