"""The one rule language: parse, bind, evaluate, explain."""
