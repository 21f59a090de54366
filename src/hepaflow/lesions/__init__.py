"""Measuring lesions: region by region, and against healthy liver (the verbs; the nouns are in ``hepaflow.domain.lesions``)."""
