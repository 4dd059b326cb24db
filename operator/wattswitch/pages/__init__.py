"""What every page that we write is made of: elements, plots over time, tables, and numbers as people read them."""
