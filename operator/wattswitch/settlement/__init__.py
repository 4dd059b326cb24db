"""The record of what a site drew, interval by interval, and what it comes to with markets and grid programmes."""
