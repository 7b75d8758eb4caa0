"""What the warehouse's tables mean: their columns, the models built on them, and where each value comes from. Pure."""
