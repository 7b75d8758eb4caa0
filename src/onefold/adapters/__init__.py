"""Stores and brokers behind the ports, one package a system."""
