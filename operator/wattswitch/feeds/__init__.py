"""Feeds: prices, meters, worth and demand from outside, none of which may ever raise power above the cap."""

from wattswitch.feeds.curve import Curve, CurveReading
from wattswitch.feeds.curvefeed import CurveReader
from wattswitch.feeds.feed import FeedReader
from wattswitch.feeds.reading import WHOLE, Key, Problem, Reading
from wattswitch.feeds.registry import FeedSet

__all__ = ["WHOLE", "Curve", "CurveReader", "CurveReading", "FeedReader", "FeedSet", "Key", "Problem", "Reading"]
