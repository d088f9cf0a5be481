"""Tests of `pipelines/brokers`."""
