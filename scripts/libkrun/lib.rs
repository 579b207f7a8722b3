//! Nothing of its own: linking the crate exports its C functions.

extern crate krun;
