//! What counts as what, and how figures come together.
