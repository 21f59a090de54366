"""Kinetics: from inputs and tissue curves to flows, volumes and times, with their uncertainty."""
