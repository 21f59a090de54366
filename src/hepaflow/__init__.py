"""hepaflow: dual-input CT perfusion of the liver. Research use only; not a medical device."""

__version__ = "0.1.0"
