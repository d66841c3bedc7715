"""What people see: pages, the views they are made of, and the jobs behind them."""
